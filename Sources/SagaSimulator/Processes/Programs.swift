import Logging
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore

extension EngineLoop: Program {
    func step() throws { try step(waitingAtMost: .zero) }
}

extension ParticipantLoop: Program {
    func step() throws { try step(waitingAtMost: .zero) }
}

extension Logger {
    static var silent: Logger { Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() } }
}

/// The clocks of one machine: a wall clock that can jump, and one that cannot.
// One thread drives a simulation and all that belongs to it.
final class MachineClock: @unchecked Sendable {
    private let time: VirtualTime
    private var offset: Int64 = 0

    init(time: VirtualTime) { self.time = time }

    var wall: Timestamp { time.now.adding(milliseconds: offset) }
    var sinceBoot: Int64 { time.milliseconds }

    func jump(by milliseconds: Int64) { offset = milliseconds }
}
