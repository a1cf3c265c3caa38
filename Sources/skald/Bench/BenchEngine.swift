import ArgumentParser
import DurableSQLite
import Glibc
import OrderServices
import SagaBus
import SagaCore
import SagaEngine
import SagaParticipant
import SagaStore
import SagaYAML
import Synchronization

/// Engine and order services alone, on files, without broker or bus, in processor time: for a profiler.
///
/// All on the main thread: see ``Skald/main()``.
struct BenchEngine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Engine and services alone, for a profiler.", shouldDisplay: false)

    @Option var sagas: Int
    @Option var dir: String
    @Option(help: "Messages a transaction.") var batch = 64
    @Flag(help: "Let the order services do the work instead of an echo.") var services = false

    func run() throws {
        try reportingFailures {
            let store = try SagaStore(path: dir + "/skald.sqlite")
            let definition = try BenchDefinitions.definition(services ? BenchDefinitions.order : BenchDefinitions.echo)
            let core = try EngineCore(store: store, settings: EngineSettings(), definitions: [definition])
            var drive = EngineDrive(core: core, definition: definition)
            drive.batch = batch
            let town = services ? try Town(directory: dir) : nil
            if let town { drive.answer = town.answer }
            try drive.run(sagas) { "k-\($0)" }
            func each(_ nanoseconds: Int64) -> Int { Int(Double(nanoseconds) / 1000 / Double(sagas)) }
            let services = town.map { ", services \(each($0.nanoseconds)) µs a saga" } ?? ""
            Terminal.standardOutput.line("engine \(each(drive.engineNanoseconds)) µs a saga\(services)")
        }
    }
}

/// The order services, each a core on its file.
private final class Town {
    private var cores: [String: ParticipantCore] = [:]
    private(set) var nanoseconds: Int64 = 0
    private let threads = ThreadPool()

    init(directory: String) throws {
        for kind in OrderService.allCases {
            let service = try kind.open(directory: directory)
            if kind == .inventory {
                _ = try service.receiveStock(BenchDefinitions.stock, now: .wallClock)
            }
            cores[kind.rawValue] = service.core()
        }
    }

    func answer(_ commands: [Message], at now: Timestamp) throws -> [Message] {
        let begun = processorNanoseconds()
        defer { nanoseconds += processorNanoseconds() - begun }
        return try Dictionary(grouping: commands, by: \.routingKey).sorted { $0.key < $1.key }
            .flatMap { queue, messages in
                guard let core = cores[queue] else { return [Message]() }
                let batch = messages.enumerated().map { index, message in
                    Delivery(
                        consumer: "bench", tag: DeliveryTag(epoch: 1, number: UInt64(index)), isRedelivered: false,
                        message: message)
                }
                let outcome = try core.process(batch, now: now)
                let finished = try core.finish(perform(outcome.calls), now: now)
                return (outcome.replies + finished.replies).map(\.message)
            }
    }

    /// All at the same time, as a service does.
    private func perform(_ calls: [OutsideCall]) -> [AnsweredCall] {
        guard !calls.isEmpty else { return [] }
        let mailbox = BusMailbox()
        let back = Mutex<[AnsweredCall]>([])
        for call in calls {
            threads.run {
                let answered = call.perform()
                let count = back.withLock { back in
                    back.append(answered)
                    return back.count
                }
                if count == calls.count { mailbox.wake() }
            }
        }
        _ = mailbox.receive(waitingAtMost: nil)
        return back.withLock { $0 }
    }
}
