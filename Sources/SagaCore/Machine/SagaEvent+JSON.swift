// How an event is written into the history. Steps are named, absent members mean nothing; the format's version is
// `SagaEvent.formatVersion`, and every release's histories stay readable.
extension SagaEvent {
    package static let formatVersion = 1

    /// The event's name in the history, and its members.
    package func json(_ definition: SagaDefinition) -> JSONValue {
        var writer = EventWriter(definition: definition)
        switch self {
        case .started(let start):
            writer.name("started")
            writer["request"] = .string(start.requestID)
            writer["key"] = .string(start.key)
            writer["deadlineAt"] = start.deadlineAt.map { .number(JSONNumber($0.milliseconds)) }
            writer["again"] = start.again.map { .string($0.description) }
            writer["traceparent"] = start.traceparent.map { .string($0) }
            writer["input"] = start.input
        case .sent(let sent):
            writer.name("sent", sent.step, sent.kind)
            writer["round"] = sent.round == 1 ? nil : .number(JSONNumber(Int64(sent.round)))
            writer["attempt"] = .number(JSONNumber(Int64(sent.attempt)))
            writer["timeoutAt"] = .number(JSONNumber(sent.timeoutAt.milliseconds))
            writer["budgetEndsAt"] = sent.budgetEndsAt.map { .number(JSONNumber($0.milliseconds)) }
            writer["closesStep"] = sent.closesStep ? true : nil
        case .backedOff(let step, let kind, let until, let error):
            writer.name("backedOff", step, kind)
            writer["until"] = .number(JSONNumber(until.milliseconds))
            writer.error(error)
        case .rearmed(let step, let kind, let until):
            writer.name("rearmed", step, kind)
            writer["until"] = .number(JSONNumber(until.milliseconds))
        case .succeeded(let step, let kind, let output, let contradicts):
            writer.name("succeeded", step, kind)
            writer["output"] = output
            writer["contradicts"] = contradicts ? true : nil
        case .failed(let step, let kind, let error):
            writer.name("failed", step, kind)
            writer.error(error)
        case .unsettled(let step, let kind, let error):
            writer.name("unsettled", step, kind)
            writer.error(error)
        case .rollbackStarted(let rollback):
            writer.name("rollbackStarted", rollback.step)
            writer["reason"] = .string(rollback.reason.rawValue)
            if let error = rollback.error { writer.error(error) }
        case .stuck(let step, let error):
            writer.name("stuck", step)
            writer.error(error)
        case .proceeded: writer.name("proceeded")
        case .retried(let step, let kind, let round):
            writer.name("retried", step, kind)
            writer["round"] = .number(JSONNumber(Int64(round)))
        case .decisionPending(let step, let decision):
            writer.name("decisionPending", step)
            writer["verdict"] = .string(decision.claim.rawValue)
            writer["output"] = decision.output
            writer["request"] = .string(decision.requestID)
        case .decisionLapsed(let step): writer.name("decisionLapsed", step)
        case .resolved(let step, let kind, let claim, let output):
            writer.name("resolved", step, kind)
            writer["verdict"] = .string(claim.rawValue)
            writer["output"] = output
        case .paused: writer.name("paused")
        case .resumed(let milliseconds):
            writer.name("resumed")
            writer["pausedMilliseconds"] = .number(JSONNumber(milliseconds))
        case .cancelRequested: writer.name("cancelRequested")
        case .requested(let request, let answer):
            writer.name("requested")
            writer["request"] = .string(request.id)
            writer["verb"] = .string(request.verb.rawValue)
            writer["step"] = request.step.map { .string($0) }
            writer["reason"] = request.reason.map { .string($0) }
            writer["as"] = request.claim.map { .string($0.rawValue) }
            writer["output"] = request.output
            writer["expect"] = request.expectedSequence.map { .number(JSONNumber(Int64($0))) }
            writer["by"] = request.author.map { .string($0) }
            switch answer {
            case .applied(let text): writer["applied"] = .string(text)
            case .refused(let refusal):
                writer["refused"] = [
                    "code": .string(refusal.code.rawValue), "path": .string(refusal.path),
                    "message": .string(refusal.message),
                ]
            }
        case .noted(let step, let kind, let outcome):
            writer.name("noted", step, kind)
            writer["outcome"] = .string(outcome.rawValue)
        case .completed: writer.name("completed")
        case .compensated: writer.name("compensated")
        case .abandoned(let reason, let certain, let possible):
            writer.name("abandoned")
            writer["reason"] = .string(reason)
            writer["certain"] = writer.names(certain)
            writer["possible"] = writer.names(possible)
        }
        return .object(writer.object)
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

private struct EventWriter {
    let definition: SagaDefinition
    var object = JSONObject()

    subscript(name: String) -> JSONValue? {
        get { object[name] }
        set { if let newValue { object[name] = newValue } }
    }

    mutating func name(_ event: String, _ step: Int? = nil, _ kind: CommandID.Kind? = nil) {
        object["event"] = .string(event)
        if let step { object["step"] = .string(definition.steps[step].name) }
        if let kind { object["kind"] = .string(kind.rawValue) }
    }

    mutating func error(_ error: StepError) {
        object["code"] = .string(error.code)
        object["message"] = .string(error.message)
    }

    func names(_ steps: StepSet) -> JSONValue {
        .array(steps.map { .string(definition.steps[$0].name) })
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
