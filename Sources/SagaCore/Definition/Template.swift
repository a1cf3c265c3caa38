/// Where a value comes from while a saga runs: a member of the input, or of a step's output.
package struct Reference: Sendable, Hashable {
    package enum Source: Sendable, Hashable {
        case input
        /// The output of the step with this index.
        case step(Int)
    }

    package let source: Source
    /// Member names from the outside in; empty for the whole value.
    package let path: [String]

    package init(source: Source, path: [String]) {
        self.source = source
        self.path = path
    }
}

/// A JSON value with holes, filled from the saga's input and the outputs of its steps.
package indirect enum Template: Sendable, Hashable {
    /// One piece of a text with holes.
    package enum TextPart: Sendable, Hashable {
        case literal(String)
        case reference(Reference)
    }

    package struct Member: Sendable, Hashable {
        package let key: String
        package let value: Template
    }

    case literal(JSONValue)
    /// `${…}` alone: keeps the JSON type of what it names.
    case reference(Reference)
    /// `${…}` inside other text: takes only strings and integers.
    case text([TextPart])
    case array([Template])
    case object([Member])
}

extension Template {
    /// The value with every hole filled; `output` gives the output of a step, nil while it has none.
    ///
    /// Throws a refusal `INPUT_MISSING` or `OUTPUT_MISSING` whose path names the member that is missing or that
    /// cannot stand inside text.
    package func render(
        input: JSONValue, output: (Int) -> JSONValue?
    ) throws(Refusal) -> JSONValue {
        switch self {
        case .literal(let value):
            return value
        case .reference(let reference):
            return try reference.value(input: input, output: output)
        case .text(let parts):
            var text = ""
            for part in parts {
                switch part {
                case .literal(let piece): text += piece
                case .reference(let reference): text += try reference.text(input: input, output: output)
                }
            }
            return .string(text)
        case .array(let elements):
            var values: [JSONValue] = []
            for element in elements {
                values.append(try element.render(input: input, output: output))
            }
            return .array(values)
        case .object(let members):
            // A definition is JSON, where no key stands twice.
            var values: [(key: String, value: JSONValue)] = []
            values.reserveCapacity(members.count)
            for member in members {
                values.append((member.key, try member.value.render(input: input, output: output)))
            }
            return .object(JSONObject(distinct: values))
        }
    }

    /// Calls `body` with each reference and whether it stands inside text, in the order of the file.
    package func forEachReference(_ body: (Reference, _ insideText: Bool) -> Void) {
        switch self {
        case .literal: break
        case .reference(let reference): body(reference, false)
        case .text(let parts):
            for case .reference(let reference) in parts {
                body(reference, true)
            }
        case .array(let elements): elements.forEach { $0.forEachReference(body) }
        case .object(let members): members.forEach { $0.value.forEachReference(body) }
        }
    }
}

extension Reference {
    func value(input: JSONValue, output: (Int) -> JSONValue?) throws(Refusal) -> JSONValue {
        switch source {
        case .input:
            return try value(in: input)
        case .step(let step):
            guard let output = output(step) else { throw missing("the step has no output") }
            return try value(in: output)
        }
    }

    func text(input: JSONValue, output: (Int) -> JSONValue?) throws(Refusal) -> String {
        try text(of: value(input: input, output: output))
    }

    /// What this reference names inside the input or output it refers to.
    func value(in root: JSONValue) throws(Refusal) -> JSONValue {
        var value = root
        for key in path {
            guard let member = value[key] else { throw missing("the definition takes a value from here") }
            value = member
        }
        return value
    }

    /// The value as it stands inside text, which takes only strings and integers.
    func text(of value: JSONValue) throws(Refusal) -> String {
        if let string = value.string { return string }
        if let integer = value.int64 { return String(integer) }
        throw missing("a string or an integer, since it stands inside text")
    }

    private func missing(_ expected: String) -> Refusal {
        let code: RefusalCode
        switch source {
        case .input: code = .inputMissing
        case .step: code = .outputMissing
        }
        return Refusal(code: code, path: path.joined(separator: "."), message: expected)
    }
}
