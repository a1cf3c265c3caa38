import SagaBus

/// One direction of a connection: what goes in comes out in order, a little later, unless it is cut.
final class Wire {
    private let time: VirtualTime
    private let luck: Luck
    private var onTheWay = FIFO<() -> Void>()
    private var lastArrival: Int64 = 0
    /// Counts the cuts.
    private var epoch = 0

    init(time: VirtualTime, luck: Luck) {
        self.time = time
        self.luck = luck
    }

    func send(_ arrive: @escaping () -> Void) {
        lastArrival = max(lastArrival, time.milliseconds + luck.draw(0...3))
        onTheWay.append(arrive)
        time.after(lastArrival - time.milliseconds) { [self, epoch] in
            guard epoch == self.epoch else { return }
            onTheWay.popFirst()?()
        }
    }

    /// Of what is on the way the first part still arrives, now; the rest is lost.
    func cut() {
        epoch += 1
        let arriving = luck.draw(0...Int64(onTheWay.count))
        var rest = onTheWay
        onTheWay = FIFO()
        for _ in 0..<arriving { rest.popFirst()?() }
    }

    /// Nothing of what is on the way arrives.
    func drop() {
        epoch += 1
        onTheWay = FIFO()
    }

    /// All that is on the way arrives now.
    func flush() {
        epoch += 1
        var rest = onTheWay
        onTheWay = FIFO()
        while let arrive = rest.popFirst() { arrive() }
    }
}
