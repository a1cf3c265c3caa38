/// How long to wait before the next attempt to connect: doubling from 100 ms to 5 s, with jitter, so that a broker that
/// comes back is not met by everyone at once.
struct Backoff {
    private static let base: Duration = .milliseconds(100)
    private static let longest: Duration = .seconds(5)
    private var next = base

    mutating func delay() -> Duration {
        defer { next = min(next * 2, Self.longest) }
        return next * Double.random(in: 0.5...1)
    }
}
