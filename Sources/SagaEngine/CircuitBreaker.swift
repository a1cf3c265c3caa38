import SagaCore
import SagaStore

/// Whether commands go out to one participant, judged by what comes back from it.
///
/// Closed, they go out as they are committed. When several different commands in a row have been waited for in vain,
/// with no reply of any kind between, further ones are held in the outbox and the participant is probed: one held
/// command at a time, with growing pauses. Once a probe is answered the others are let out, two for each answer, so
/// that what is out at a time doubles with each round; when none is left, the breaker is closed.
///
/// A value that is told everything and does nothing; `BatchWork+Breakers.swift` acts on it.
struct CircuitBreaker: Sendable, Hashable {
    enum Phase: Sendable, Hashable {
        /// Can transition to: `probing`.
        case closed
        /// Silent: one command out at a time. Can transition to: `admitting`, `closed`.
        case probing
        /// It answers again: `window` commands out at a time. Can transition to: `closed`, `probing`.
        case admitting
    }

    private struct Out: Sendable, Hashable {
        let since: Timestamp
        let milliseconds: Int64
        var until: Timestamp
    }

    private(set) var phase = Phase.closed
    /// When the first of what it left unanswered was sent; nil while nothing is missing.
    private(set) var silentSince: Timestamp?
    /// Different commands waited for in vain since its last reply; kept while closed.
    private var unanswered: Set<CommandID> = []
    private(set) var openedAt = Timestamp(milliseconds: 0)
    private var lastReplyAt: Timestamp?
    /// Probes sent since the last reply.
    private(set) var probes = 0
    private(set) var probedAt: Timestamp?
    private(set) var nextProbeAt = Timestamp(milliseconds: 0)
    /// How many commands may be out at a time.
    private(set) var window = 1
    /// What has been let out and was neither answered nor given up.
    private var out: [CommandID: Out] = [:]

    init() {}

    /// Remembers nothing that a new one would not.
    var isFresh: Bool { phase == .closed && unanswered.isEmpty }
    var holds: Bool { phase != .closed }

    // MARK: What is heard

    /// A command that had left was waited for in vain; says whether the breaker opens on it.
    ///
    /// - Parameter limit: how many different commands in a row it takes.
    mutating func timedOut(_ command: CommandID, sentAt: Timestamp, at now: Timestamp, limit: Int) -> Bool {
        guard phase == .closed else { return false }
        silentSince = silentSince ?? sentAt
        unanswered.insert(command)
        guard unanswered.count >= limit else { return false }
        openedAt = now
        beginProbing(at: now)
        return true
    }

    /// A reply of any outcome, also a late or repeated one: a sign of life.
    mutating func answered(_ command: CommandID, at now: Timestamp) {
        let wasLetOut = out.removeValue(forKey: command) != nil
        lastReplyAt = now
        probes = 0
        switch phase {
        case .closed:
            silentSince = nil
            unanswered = []
        case .probing:
            if wasLetOut, !PlantedBug.letsInOneByOne.isPlanted {
                phase = .admitting
                window = 2
            } else if out.isEmpty {
                // It works off what it was sent before; the next probe says when it has got so far.
                nextProbeAt = min(nextProbeAt, now)
            }
        case .admitting: if wasLetOut { window += 1 }
        }
    }

    // MARK: What is let out

    /// How many held commands may leave now.
    func room(at now: Timestamp) -> Int {
        switch phase {
        case .closed: .max
        case .probing: out.isEmpty && nextProbeAt <= now ? 1 : 0
        case .admitting: max(0, window - out.count)
        }
    }

    /// A held command leaves and is waited for that long.
    mutating func letOut(_ command: CommandID, waiting milliseconds: Int64, at now: Timestamp) {
        let until = now.adding(milliseconds: milliseconds)
        out[command] = Out(since: now, milliseconds: milliseconds, until: until)
        guard phase == .probing else { return }
        probedAt = now
        nextProbeAt = until.adding(milliseconds: Self.pauseMilliseconds(after: probes))
        probes += 1
    }

    /// Gives up what has been waited for in vain. Only while replies can arrive.
    ///
    /// - Parameters:
    ///   - connectedSince: since when they can; a wait before that does not count.
    ///   - isUnsent: whether the broker has not confirmed a command yet, so that the wait for it has not begun.
    mutating func look(at now: Timestamp, connectedSince: Timestamp, isUnsent: (CommandID) -> Bool) {
        guard holds else { return }
        for (command, wait) in out where wait.until <= now {
            if isUnsent(command) || now < connectedSince.adding(milliseconds: wait.milliseconds) {
                let until = now.adding(milliseconds: wait.milliseconds)
                out[command]?.until = until
                if phase == .probing {
                    nextProbeAt = until.adding(milliseconds: Self.pauseMilliseconds(after: probes - 1))
                }
                continue
            }
            out[command] = nil
            guard phase == .admitting else { continue }
            if let lastReplyAt, lastReplyAt >= wait.since {
                window = max(1, window / 2)
            } else {
                silentSince = lastReplyAt ?? silentSince
                return beginProbing(at: now)
            }
        }
    }

    private mutating func beginProbing(at now: Timestamp) {
        phase = .probing
        unanswered = []
        lastReplyAt = nil
        out = [:]
        window = 1
        probes = 0
        probedAt = nil
        nextProbeAt = now.adding(milliseconds: Self.pauseMilliseconds(after: 0))
    }

    /// Closes once nothing is held and it has answered; says whether it does.
    mutating func closes(held: Int) -> Bool {
        guard holds, held == 0, !PlantedBug.neverTakesForBack.isPlanted, phase == .admitting || lastReplyAt != nil
        else { return false }
        self = CircuitBreaker()
        return true
    }

    /// When time alone changes something; nil if nothing does.
    func nextLook(held: Int) -> Timestamp? {
        let given = out.values.lazy.map(\.until).min()
        switch phase {
        case .closed: return nil
        case .probing: return given ?? (held > 0 ? nextProbeAt : nil)
        case .admitting: return held > 0 && out.count < window ? Timestamp(milliseconds: 0) : given
        }
    }

    /// 1 s, doubled with each probe in vain, at most a minute; added to the wait for the probe itself.
    private static func pauseMilliseconds(after probes: Int) -> Int64 {
        min(1000 << Int64(min(max(0, probes), 6)), 60_000)
    }
}

extension CircuitBreaker {
    /// As the file had it. What was let out is held again, for nobody knows how far it got, and a probe comes first.
    init(_ stored: StoredBreaker) {
        phase = .probing
        silentSince = stored.silentSince
        openedAt = stored.openedAt
        probes = stored.probes
        probedAt = stored.probedAt
        nextProbeAt = stored.nextProbeAt
    }

    /// What of it outlives the process, and is shown; nil while it is closed.
    func stored(of participant: String) -> StoredBreaker? {
        guard holds, let silentSince else { return nil }
        return StoredBreaker(
            participant: participant, silentSince: silentSince, openedAt: openedAt, probes: probes,
            probedAt: probedAt, nextProbeAt: nextProbeAt, window: phase == .admitting ? window : nil)
    }
}
