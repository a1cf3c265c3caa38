/// Where a bus leaves what happened, and where its one owner waits for it.
///
/// Any thread may post; one thread receives. The owner is a dedicated thread, never one of the cooperative pool, since
/// ``receive(waitingAtMost:limit:)`` blocks.
public final class BusMailbox: Sendable {
    private struct Contents {
        var events: [BusEvent] = []
        var isWoken = false
    }
    private let monitor = Monitor()
    // Read and written only while `monitor` is locked.
    private nonisolated(unsafe) var contents = Contents()

    public init() {}

    public func post(_ events: [BusEvent]) {
        guard !events.isEmpty else { return }
        monitor.lock()
        contents.events.append(contentsOf: events)
        monitor.unlock()
        monitor.signal()
    }

    public func post(_ event: BusEvent) { post([event]) }

    package var isEmpty: Bool { count == 0 }

    /// How much has arrived that was not taken yet.
    package var count: Int {
        monitor.lock()
        defer { monitor.unlock() }
        return contents.events.count
    }

    /// Makes the current or next ``receive(waitingAtMost:limit:)`` return at once, with or without events.
    public func wake() {
        monitor.lock()
        contents.isWoken = true
        monitor.unlock()
        monitor.signal()
    }

    /// Takes what has arrived, waiting for the first event. Returns without one after `timeout` (nil: never) or when
    /// woken. What exceeds `limit` stays for the next call.
    public func receive(waitingAtMost timeout: Duration?, limit: Int = .max) -> [BusEvent] {
        let deadline = timeout.map { Monitor.Deadline(in: $0) }
        monitor.lock()
        defer { monitor.unlock() }
        while contents.events.isEmpty && !contents.isWoken {
            if let timeout, timeout <= .zero { break }
            guard let deadline else {
                monitor.wait()
                continue
            }
            if !monitor.wait(until: deadline) { break }
        }
        contents.isWoken = false
        guard contents.events.count > limit else {
            defer { contents.events = [] }
            return contents.events
        }
        defer { contents.events.removeFirst(limit) }
        return Array(contents.events.prefix(limit))
    }
}
