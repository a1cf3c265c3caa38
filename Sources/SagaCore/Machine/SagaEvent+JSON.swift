// How an event is written into the history. Steps are named, absent members mean nothing; the format's version is
// `SagaEvent.formatVersion`, and every release's histories stay readable.
extension SagaEvent {
    package static let formatVersion = 1

    /// Events as a row of the history keeps them: an array of objects, each with the event's name and its members.
    package static func encoded(_ events: [SagaEvent], _ definition: SagaDefinition) -> [UInt8] {
        var writer = EventWriter(definition: definition)
        writer.write(events)
        return writer.output.bytes
    }

    /// Reads an event back.
    ///
    /// - Throws: `INTERNAL` if the history holds something this version does not know.
    package init(json: JSONValue, definition: SagaDefinition) throws(Refusal) {
        let reader = EventReader(json: json, definition: definition)
        switch try reader.string("event") {
        case "started":
            let again = json["again"]?.string
            self = .started(
                SagaStart(
                    requestID: try reader.string("request"), key: try reader.string("key"),
                    input: json["input"] ?? .null, deadlineAt: try reader.optionalTime("deadlineAt"),
                    again: again.flatMap { SagaID($0) }, traceparent: json["traceparent"]?.string))
        case "sent":
            self = .sent(
                SentCommand(
                    step: try reader.step(), kind: try reader.kind(),
                    round: Int(json["round"]?.int64 ?? 1), attempt: try reader.int("attempt"),
                    timeoutAt: try reader.time("timeoutAt"), budgetEndsAt: try reader.optionalTime("budgetEndsAt"),
                    closesStep: json["closesStep"]?.bool ?? false))
        case "backedOff":
            self = .backedOff(
                step: try reader.step(), kind: try reader.kind(), until: try reader.time("until"),
                error: try reader.error())
        case "rearmed":
            self = .rearmed(step: try reader.step(), kind: try reader.kind(), until: try reader.time("until"))
        case "succeeded":
            self = .succeeded(
                step: try reader.step(), kind: try reader.kind(), output: json["output"],
                contradicts: json["contradicts"]?.bool ?? false)
        case "failed":
            self = .failed(step: try reader.step(), kind: try reader.kind(), error: try reader.error())
        case "unsettled":
            self = .unsettled(step: try reader.step(), kind: try reader.kind(), error: try reader.error())
        case "rollbackStarted":
            self = .rollbackStarted(
                Rollback(
                    reason: try reader.choice("reason"), step: try reader.optionalStep(),
                    error: json["code"] == nil ? nil : try reader.error()))
        case "stuck": self = .stuck(step: try reader.optionalStep(), error: try reader.error())
        case "proceeded": self = .proceeded
        case "retried":
            self = .retried(step: try reader.step(), kind: try reader.kind(), round: try reader.int("round"))
        case "decisionPending":
            self = .decisionPending(
                step: try reader.step(),
                PendingDecision(
                    claim: try reader.choice("verdict"), output: json["output"],
                    requestID: try reader.string("request")))
        case "decisionLapsed": self = .decisionLapsed(step: try reader.step())
        case "resolved":
            self = .resolved(
                step: try reader.step(), kind: try reader.kind(), try reader.choice("verdict"), output: json["output"])
        case "paused": self = .paused
        case "resumed": self = .resumed(pausedMilliseconds: Int64(try reader.int("pausedMilliseconds")))
        case "cancelRequested": self = .cancelRequested
        case "requested": self = .requested(try reader.request(), try reader.answer())
        case "noted":
            self = .noted(step: try reader.step(), kind: try reader.kind(), outcome: try reader.choice("outcome"))
        case "completed": self = .completed
        case "compensated": self = .compensated
        case "abandoned":
            self = .abandoned(
                reason: try reader.string("reason"), certain: try reader.steps("certain"),
                possible: try reader.steps("possible"))
        default: throw reader.unreadable("event")
        }
    }
}

private struct EventWriter: ~Copyable {
    let definition: SagaDefinition
    var output = ByteWriter()

    mutating func write(_ events: [SagaEvent]) {
        output.append("[")
        for (index, event) in events.enumerated() {
            output.append(index == 0 ? "{" : ",{")
            write(event)
            output.append("}")
        }
        output.append("]")
    }

    private mutating func write(_ event: SagaEvent) {
        switch event {
        case .started(let start):
            name("started")
            add("request", start.requestID)
            add("key", start.key)
            add("deadlineAt", start.deadlineAt)
            add("again", start.again?.description)
            add("traceparent", start.traceparent)
            add("input", start.input)
        case .sent(let sent):
            name("sent", sent.step, sent.kind)
            add("round", sent.round == 1 ? nil : sent.round)
            add("attempt", sent.attempt)
            add("timeoutAt", sent.timeoutAt)
            add("budgetEndsAt", sent.budgetEndsAt)
            flag("closesStep", sent.closesStep)
        case .backedOff(let step, let kind, let until, let error):
            name("backedOff", step, kind)
            add("until", until)
            add(error)
        case .rearmed(let step, let kind, let until):
            name("rearmed", step, kind)
            add("until", until)
        case .succeeded(let step, let kind, let output, let contradicts):
            name("succeeded", step, kind)
            add("output", output)
            flag("contradicts", contradicts)
        case .failed(let step, let kind, let error):
            name("failed", step, kind)
            add(error)
        case .unsettled(let step, let kind, let error):
            name("unsettled", step, kind)
            add(error)
        case .rollbackStarted(let rollback):
            name("rollbackStarted", rollback.step)
            add("reason", rollback.reason.rawValue)
            if let error = rollback.error { add(error) }
        case .stuck(let step, let error):
            name("stuck", step)
            add(error)
        case .proceeded: name("proceeded")
        case .retried(let step, let kind, let round):
            name("retried", step, kind)
            add("round", round)
        case .decisionPending(let step, let decision):
            name("decisionPending", step)
            add("verdict", decision.claim.rawValue)
            add("output", decision.output)
            add("request", decision.requestID)
        case .decisionLapsed(let step): name("decisionLapsed", step)
        case .resolved(let step, let kind, let claim, let output):
            name("resolved", step, kind)
            add("verdict", claim.rawValue)
            add("output", output)
        case .paused: name("paused")
        case .resumed(let milliseconds):
            name("resumed")
            output.append(member: "pausedMilliseconds", milliseconds)
        case .cancelRequested: name("cancelRequested")
        case .requested(let request, let answer):
            name("requested")
            add(request)
            add(answer)
        case .noted(let step, let kind, let outcome):
            name("noted", step, kind)
            add("outcome", outcome.rawValue)
        case .completed: name("completed")
        case .compensated: name("compensated")
        case .abandoned(let reason, let certain, let possible):
            name("abandoned")
            add("reason", reason)
            add("certain", certain)
            add("possible", possible)
        }
    }

    private mutating func name(_ event: StaticString, _ step: Int? = nil, _ kind: CommandID.Kind? = nil) {
        output.append(member: "event")
        output.append("\"")
        output.append(event)
        output.append("\"")
        if let step { add("step", definition.steps[step].name) }
        if let kind { add("kind", kind.rawValue) }
    }

    private mutating func add(_ name: StaticString, _ text: String?) { output.append(member: name, text) }
    private mutating func add(_ name: StaticString, _ value: JSONValue?) { output.append(member: name, value) }
    private mutating func add(_ name: StaticString, _ number: Int?) {
        output.append(member: name, number.map(Int64.init))
    }
    private mutating func add(_ name: StaticString, _ time: Timestamp?) {
        output.append(member: name, time?.milliseconds)
    }

    /// Only what is so is written.
    private mutating func flag(_ name: StaticString, _ isSo: Bool) {
        if isSo { output.append(member: name, true as JSONValue) }
    }

    private mutating func add(_ name: StaticString, _ steps: StepSet) {
        add(name, JSONValue.array(steps.map { .string(definition.steps[$0].name) }))
    }

    private mutating func add(_ error: StepError) {
        add("code", error.code)
        add("message", error.message)
    }

    private mutating func add(_ request: OperatorRequest) {
        add("request", request.id)
        add("verb", request.verb.rawValue)
        add("step", request.step)
        add("reason", request.reason)
        add("as", request.claim?.rawValue)
        add("output", request.output)
        add("expect", request.expectedSequence)
        add("by", request.author)
    }

    private mutating func add(_ answer: OperatorAnswer) {
        switch answer {
        case .applied(let text): add("applied", text)
        case .refused(let refusal):
            output.append(member: "refused")
            output.append("{")
            add("code", refusal.code.rawValue)
            add("path", refusal.path)
            add("message", refusal.message)
            output.append("}")
        }
    }
}

private struct EventReader {
    let json: JSONValue
    let definition: SagaDefinition

    func unreadable(_ member: String) -> Refusal {
        Refusal(code: .internal, path: member, message: "the history holds an event this version cannot read")
    }

    func string(_ name: String) throws(Refusal) -> String {
        guard let text = json[name]?.string else { throw unreadable(name) }
        return text
    }

    func int(_ name: String) throws(Refusal) -> Int {
        guard let number = json[name]?.int64 else { throw unreadable(name) }
        return Int(number)
    }

    func time(_ name: String) throws(Refusal) -> Timestamp {
        Timestamp(milliseconds: Int64(try int(name)))
    }

    func optionalTime(_ name: String) throws(Refusal) -> Timestamp? {
        json[name] == nil ? nil : try time(name)
    }

    func choice<Value: RawRepresentable<String>>(_ name: String) throws(Refusal) -> Value {
        guard let value = Value(rawValue: try string(name)) else { throw unreadable(name) }
        return value
    }

    func kind() throws(Refusal) -> CommandID.Kind { try choice("kind") }

    func step() throws(Refusal) -> Int {
        guard let index = definition.index(ofStep: try string("step")) else { throw unreadable("step") }
        return index
    }

    func optionalStep() throws(Refusal) -> Int? {
        json["step"] == nil ? nil : try step()
    }

    func steps(_ name: String) throws(Refusal) -> StepSet {
        var set = StepSet()
        for value in json[name]?.array ?? [] {
            guard let text = value.string, let index = definition.index(ofStep: text) else { throw unreadable(name) }
            set.insert(index)
        }
        return set
    }

    func error() throws(Refusal) -> StepError {
        StepError(code: try string("code"), message: try string("message"))
    }

    func request() throws(Refusal) -> OperatorRequest {
        OperatorRequest(
            id: try string("request"), verb: try choice("verb"), step: json["step"]?.string,
            reason: json["reason"]?.string, claim: json["as"] == nil ? nil : try choice("as"),
            output: json["output"], expectedSequence: json["expect"]?.int64.map { Int($0) },
            author: json["by"]?.string)
    }

    func answer() throws(Refusal) -> OperatorAnswer {
        if let text = json["applied"]?.string { return .applied(text) }
        guard let refused = json["refused"], let code = refused["code"]?.string else { throw unreadable("refused") }
        return .refused(
            Refusal(
                code: RefusalCode(rawValue: code), path: refused["path"]?.string ?? "",
                message: refused["message"]?.string ?? ""))
    }
}
