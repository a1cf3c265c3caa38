import SagaBus
import SagaCore

/// A call to be made outside any transaction: ``perform()`` it, on any thread, and hand the result to
/// ``ParticipantCore/finish(_:now:)``.
public struct OutsideCall: Sendable {
    public let started: StartedCall
    /// The delivery whose command the result answers; nil where the call is only settled.
    let command: Command?
    public let delivery: DeliveryTag?
    let work: OutsideWork

    /// May block as long as the other side takes.
    public func perform() -> AnsweredCall { perform(.none) }

    package func perform(_ crashPoints: CrashPoints) -> AnsweredCall {
        crashPoints.reached(.participantBeforeCall)
        let suffix = PlantedBug.callsUnderNewKey.isPlanted ? "/\(command?.attempt ?? 0)" : ""
        let answer = work.call(started.key + suffix, started.parameters)
        crashPoints.reached(.participantAfterCall)
        return AnsweredCall(call: self, answer: answer)
    }
}

/// A call that has come back, with or without a definite answer.
public struct AnsweredCall: Sendable {
    public let call: OutsideCall
    public let answer: OutsideWork.CallResult
}
