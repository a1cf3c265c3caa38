import Logging
import Synchronization

/// Keeps the log lines that tell of a fault of ours.
final class FuzzLog: Sendable {
    private let lines = Mutex<[String]>([])

    /// Errors that hostile messages may well cause: they say what a person has to look at.
    private static let expected: Set<String> = [
        "a saga is stuck and needs an operator", "a participant said failed and later succeeded",
        "no queue takes a message; it becomes a dead letter", "no queue takes a command; it stays in the outbox",
    ]

    var faults: [String] { lines.withLock { $0 } }

    /// Nothing of what was sent may be in any line.
    private func add(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) {
        let text = "\(message) \(metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })"
        let isExpected = Self.expected.contains { message.hasPrefix($0) }
        guard level >= .error && !isExpected || text.contains(FuzzCast.secret) else { return }
        lines.withLock { if $0.count < 20 { $0.append(text) } }
    }

    func logger(_ label: String) -> Logger {
        var logger = Logger(label: label) { _ in Handler(log: self) }
        logger.logLevel = .info
        return logger
    }

    private struct Handler: LogHandler {
        let log: FuzzLog
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        init(log: FuzzLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.add(event.level, "\(event.message)", event.metadata ?? [:])
        }
    }
}
