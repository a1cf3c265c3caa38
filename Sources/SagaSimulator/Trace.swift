/// What happened in a simulation, line by line; costs nothing unless someone reads it.
final class Trace {
    private let time: VirtualTime
    private let write: ((String) -> Void)?

    init(time: VirtualTime, write: ((String) -> Void)?) {
        self.time = time
        self.write = write
    }

    func note(_ who: String, _ what: @autoclosure () -> String) {
        guard let write else { return }
        let milliseconds = time.milliseconds
        let fraction = "\(milliseconds % 1000)"
        let zeros = String(repeating: "0", count: 3 - fraction.count)
        let name = who + String(repeating: " ", count: max(0, 10 - who.count))
        write("\(milliseconds / 1000).\(zeros)\(fraction)s  \(name) \(what())")
    }
}
