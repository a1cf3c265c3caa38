import SagaBus

/// Calls to the outside: some under way, the others waiting their turn.
struct CallQueue {
    private let width: Int
    private let perform: (OutsideCall) -> Void
    private var underWay = 0
    private var waiting: [OutsideCall] = []

    init(width: Int, perform: @escaping (OutsideCall) -> Void) {
        self.width = max(1, width)
        self.perform = perform
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
        let next = waiting.prefix(count)
        waiting.removeFirst(count)
        for call in next { perform(call) }
    }
}
