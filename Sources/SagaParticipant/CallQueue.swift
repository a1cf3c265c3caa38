import SagaBus

/// Calls to the outside: some under way, each on a thread of its own, the others waiting their turn.
struct CallQueue {
    private let width: Int
    private let signals: ParticipantSignals
    private var underWay = 0
    private var waiting: [OutsideCall] = []

    init(width: Int, signals: ParticipantSignals) {
        self.width = max(1, width)
        self.signals = signals
    }

    var areUnderWay: Bool { underWay > 0 || !waiting.isEmpty }

    mutating func add(_ calls: [OutsideCall]) {
        waiting += calls
        startNext()
    }

    mutating func returned(_ count: Int) {
        underWay -= count
        startNext()
    }

    mutating func dropWaiting() { waiting = [] }

    private mutating func startNext() {
        let count = min(width - underWay, waiting.count)
        guard count > 0 else { return }
        underWay += count
        for call in waiting.prefix(count) {
            let signals = signals
            DedicatedThread.start { signals.returned(call.perform()) }
        }
        waiting.removeFirst(count)
    }
}
