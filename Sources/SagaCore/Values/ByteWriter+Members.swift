// A JSON object written member by member, without values in between: for what is written for every message. A member that
// is nil is left out.
extension ByteWriter {
    /// The name of an object's next member, with what parts it from the one before.
    package mutating func append(member name: StaticString) {
        if last != UInt8(ascii: "{") { append(UInt8(ascii: ",")) }
        append(UInt8(ascii: "\""))
        append(name)
        append("\":")
    }

    package mutating func append(member name: StaticString, _ text: String?) {
        guard let text else { return }
        append(member: name)
        append(quoted: text)
    }

    package mutating func append(member name: StaticString, _ number: Int64?) {
        guard let number else { return }
        append(member: name)
        append(number: number)
    }

    package mutating func append(member name: StaticString, _ value: JSONValue?) {
        guard let value else { return }
        append(member: name)
        value.encode(into: &self)
    }
}
