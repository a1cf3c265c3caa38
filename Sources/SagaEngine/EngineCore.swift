import DurableSQLite
import SagaBus
import SagaCore
import SagaStore

/// The orchestrator's synchronous core: a batch of inputs in, one transaction, messages to publish out.
///
/// No thread, no clock, no randomness of its own: the worker and the simulator run this same code. One thread uses it.
package final class EngineCore {
    let store: SagaStore
    let settings: EngineSettings
    package internal(set) var registry: DefinitionRegistry
    var cache: StateCache
    var inFlight = SagasInFlight()
    var unsent = UnsentCommands()
    /// By participant; those that are as new are left out.
    private(set) var breakers: [String: CircuitBreaker] = [:]
    private(set) var held = HeldCommands()
    /// What the file has of the breakers.
    private var storedBreakers: [String: StoredBreaker] = [:]
    var ids: SagaIDGenerator
    /// Messages that no queue takes; the next batch decides which of them stay in the outbox.
    package private(set) var returned: Set<OutboxRowID> = []
    private var nextRow: OutboxRowID
    /// Committed and to be published, but not handed to the shell yet: the outbox may be larger than memory should be.
    private var unread: ArraySlice<OutboxRowID> = []
    /// Definitions known to be in the file.
    private var savedHashes: Set<String> = []
    /// Definitions read from the file, by their hash.
    private var definitions: [String: SagaDefinition] = [:]
    /// Redelivered messages that this process has counted as suspects.
    private var countedSuspects: Set<String> = []

    package init(store: SagaStore, settings: EngineSettings, definitions: [SagaDefinition]) throws {
        self.store = store
        self.settings = settings
        registry = DefinitionRegistry(definitions)
        cache = StateCache(capacity: settings.cachedSagas)
        ids = SagaIDGenerator(shard: settings.shard, after: try store.read { try $0.greatestSagaID() })
        nextRow = 1
        try readOutbox()
    }

    /// After an error from the file nothing remembered is trusted: it is opened anew, and what it holds counts
    /// (rule 25). The outbox may hold rows whose commit has not been seen to succeed: all of it is unread again.
    package func recover() throws {
        if !PlantedBug.cachesBeforeCommit.isPlanted { cache.removeAll() }
        inFlight.removeAll()
        // Still in the outbox, they come back once more.
        returned.removeAll()
        savedHashes.removeAll()
        try store.reopen()
        if !PlantedBug.trustsFailedCommit.isPlanted { try readOutbox() }
    }

    private func readOutbox() throws {
        var index: [(id: OutboxRowID, command: CommandID?, participant: String)] = []
        let stored = try store.read { view in
            try view.outboxIndex { index.append(($0, $1, $2)) }
            return try view.breakers()
        }
        nextRow = max(PlantedBug.usesRowsAgain.isPlanted ? 1 : nextRow, (index.last?.id ?? 0) + 1)
        storedBreakers = Dictionary(uniqueKeysWithValues: stored.map { ($0.participant, $0) })
        breakers = storedBreakers.mapValues { CircuitBreaker($0) }
        unsent.removeAll()
        held = HeldCommands()
        for row in index {
            guard let command = row.command else { continue }
            unsent.insert(row.id, command)
            if breakers[row.participant] != nil { held.insert(row.id, for: row.participant) }
        }
        unread = index.map(\.id).filter { held.participant(of: $0) == nil }[...]
        if PlantedBug.losesHeldOnRestart.isPlanted { held = HeldCommands() }
    }

    /// Handles a batch in one transaction. Nothing has happened unless it returns.
    ///
    /// If an input fails for a reason other than I/O, the inputs run singly, and that one becomes a dead letter or makes
    /// its saga stuck (rule 26).
    /// - Throws: what SQLite said, when the file cannot be written now.
    package func process(_ batch: EngineBatch, at now: Timestamp, using random: inout SplitMix64) throws -> BatchResult
    {
        do {
            return try commit(batch, at: now, using: &random)
        } catch let error where !error.isStorageTrouble {
            return try processSingly(batch, at: now, using: &random)
        }
    }

    private func processSingly(
        _ batch: EngineBatch, at now: Timestamp, using random: inout SplitMix64
    ) throws -> BatchResult {
        var result = BatchResult()
        var housekeeping = batch
        housekeeping.deliveries = []
        housekeeping.timersSince = nil
        if PlantedBug.forgetsConfirmedSingly.isPlanted { housekeeping.confirmed = [] }
        result.merge(try commit(housekeeping, at: now, using: &random))
        for delivery in batch.deliveries {
            var single = EngineBatch()
            single.deliveries = [delivery]
            do {
                result.merge(try commit(single, at: now, using: &random))
            } catch let error where !error.isStorageTrouble {
                result.merge(try commit(failed: delivery, error, at: now, using: &random))
            }
        }
        if let since = batch.timersSince {
            result.merge(try wakeSingly(since: since, at: now, using: &random))
        }
        return result
    }

    /// Handles one message alone that was in flight when the worker died. One that the worker has died over three times
    /// when it was alone is made a dead letter instead.
    package func processSuspect(
        _ delivery: Delivery, at now: Timestamp, using random: inout SplitMix64
    ) throws -> BatchResult {
        let fingerprint = delivery.fingerprint
        var result: BatchResult
        // A message that comes again because the file could not be written has killed nobody.
        let crashes = countedSuspects.contains(fingerprint) ? 0 : try store.write { try $0.suspect(fingerprint) }
        countedSuspects.insert(fingerprint)
        if crashes < Self.toleratedCrashes {
            var single = EngineBatch()
            single.deliveries = [delivery]
            result = try process(single, at: now, using: &random)
        } else {
            let refusal = Refusal(code: .internal, message: "the worker died \(crashes) times while handling it")
            result = try commit(failed: delivery, refusal, at: now, using: &random)
        }
        result.merge(try transact(at: now, using: &random) { try $0.transaction.clearSuspect(fingerprint) })
        countedSuspects.remove(fingerprint)
        return result
    }

    private static let toleratedCrashes = 3

    /// Runs one transaction; what is remembered of sagas, outbox and random numbers changes only after its commit
    /// (rule 25). Within it only ids are drawn, which are never drawn again, and definitions kept, which never
    /// change under their hash.
    func transact(
        at now: Timestamp, using random: inout SplitMix64, _ body: (inout BatchWork) throws -> Void
    ) throws -> BatchResult {
        var committed: BatchWork?
        var drawn = random
        try store.write { transaction in
            var work = BatchWork(core: self, transaction: transaction, now: now, random: drawn, nextRow: nextRow)
            try body(&work)
            try save(work.breakers, in: transaction)
            work.result.nextWake = try transaction.nextWake()
            drawn = work.random
            committed = work
            if PlantedBug.cachesBeforeCommit.isPlanted { cache.keep(work.changed.values) }
            settings.crashPoints.reached(.workerBeforeCommit)
        }
        try settings.afterCommit()
        guard let work = committed else { preconditionFailure("the transaction has committed") }
        random = drawn
        nextRow = work.nextRow
        cache.keep(work.changed.values)
        for row in work.removedRows { unsent.remove(row) }
        cache.remove(work.unreadable)
        unsent.insert(work.added)
        held.take(work.held)
        breakers = work.breakers.filter { !$0.value.isFresh }
        storedBreakers = Self.stored(breakers)
        inFlight.note(work.changed.values) { [held, unsent] command in
            held.count > 0 && unsent.row(of: command).map { held.participant(of: $0) != nil } == true
        }
        savedHashes.formUnion(work.savedHashes)
        var result = work.result
        result.nextWake = nextWake(result.nextWake)
        return result
    }

    /// When the engine must next look at sagas or breakers.
    private func nextWake(_ sagas: Timestamp?) -> Timestamp? {
        breakers.reduce(sagas) { earliest, breaker in
            guard let look = breaker.value.nextLook(held: held.count(of: breaker.key)) else { return earliest }
            return min(look, earliest ?? look)
        }
    }

    private func save(_ breakers: [String: CircuitBreaker], in transaction: StoreTransaction) throws {
        let now = Self.stored(breakers)
        for participant in storedBreakers.keys where now[participant] == nil {
            try transaction.removeBreaker(of: participant)
        }
        for (participant, breaker) in now where storedBreakers[participant] != breaker {
            try transaction.save(breaker)
        }
    }

    private static func stored(_ breakers: [String: CircuitBreaker]) -> [String: StoredBreaker] {
        var stored: [String: StoredBreaker] = [:]
        for (participant, breaker) in breakers { stored[participant] = breaker.stored(of: participant) }
        return stored
    }

    private func commit(
        _ batch: EngineBatch, at now: Timestamp, using random: inout SplitMix64
    ) throws -> BatchResult {
        let result = try transact(at: now, using: &random) { work in
            try work.removeFromOutbox(batch.confirmed)
            try work.settleReturned(batch.returned)
            for delivery in batch.deliveries { try work.handle(delivery) }
            if let since = batch.timersSince { try work.runTimers(since: since) }
            try work.runBreakers(since: batch.timersSince)
        }
        returned.subtract(batch.returned)
        return result
    }

    private func commit(
        failed delivery: Delivery, _ error: any Error, at now: Timestamp, using random: inout SplitMix64
    ) throws -> BatchResult {
        try transact(at: now, using: &random) { try $0.giveUp(delivery, error) }
    }

    private func wakeSingly(
        since: Timestamp, at now: Timestamp, using random: inout SplitMix64
    ) throws -> BatchResult {
        var result = BatchResult()
        for id in try store.read({ try $0.due(at: now, limit: settings.batchLimit) }) {
            do {
                result.merge(try transact(at: now, using: &random) { try $0.wake(id, since: since) })
            } catch let error where !error.isStorageTrouble {
                result.merge(try transact(at: now, using: &random) { try $0.makeStuck(id, error) })
            }
        }
        result.nextWake = nextWake(try store.read { try $0.nextWake() })
        return result
    }

    // MARK: What the shell asks

    /// How many rows are to be published that the shell has not been given yet.
    package var unreadCount: Int { unread.count }
    package var unreadRows: Set<OutboxRowID> { Set(unread) }

    /// The next of what an earlier run, or one before an error of the file, has left to be published.
    package func nextUnread(limit: Int) throws -> [OutboxMessage] {
        let ids = unread.prefix(limit)
        // What has been confirmed or replaced meanwhile is no longer there.
        let rows = try store.read { view in try ids.compactMap { try view.outboxRow($0) } }
        unread = unread.dropFirst(limit)
        return rows.map(OutboxMessage.init)
    }

    /// Rows that were just committed wait for their turn behind those left by an earlier run.
    package func leaveUnread(_ rows: [OutboxMessage]) {
        if !PlantedBug.forgetsToPublishLater.isPlanted { unread += rows.map(\.id) }
    }

    /// No queue takes a message (F16): from now on a command's timer counts. The next batch decides whether it stays.
    package func wasReturned(_ row: OutboxRowID) {
        unsent.wasReturned(row)
        returned.insert(row)
    }

    /// The broker has it, though its row is removed with a later batch.
    package func wasConfirmed(_ row: OutboxRowID) { unsent.remove(row) }

    /// Whether the window has room for new starts, and the outbox for commands that are held back; one that was full
    /// opens when an eighth of it is free.
    package func mayAdmitStarts(at now: Timestamp, wasFull: Bool = false) -> Bool {
        func bound(_ most: Int) -> Int { wasFull ? most - most / 8 : most }
        let window = bound(settings.sagasInFlight)
        return inFlight.count(at: now, ifAtLeast: window) < window && held.count < bound(settings.outboxBound)
    }

    /// Takes definitions for new starts; returns those refused (rule 15).
    package func load(_ definitions: [SagaDefinition]) throws -> [SagaDefinition] {
        try store.read { try registry.load(definitions, in: $0) }
    }

    // MARK: Definitions in the file

    func isSaved(_ definition: SagaDefinition) -> Bool { savedHashes.contains(definition.contentHash) }

    /// A saga from its history. A definition never changes under its hash, so it is read once.
    func state(of id: SagaID, in transaction: StoreView) throws -> SagaState? {
        try transaction.state(of: id) { hash in
            if let known = definitions[hash] { return known }
            let definition = try transaction.definition(hash: hash)
            definitions[hash] = definition
            return definition
        }
    }
}

extension BatchResult {
    mutating func merge(_ other: BatchResult) {
        outgoing += other.outgoing
        replaced += other.replaced
        heldBack += other.heldBack
        nextWake = other.nextWake
        hasMoreTimers = hasMoreTimers || other.hasMoreTimers
        notices += other.notices
    }
}

extension Delivery {
    /// Tells a message from others across restarts.
    var fingerprint: String {
        let properties = message.properties
        let text = [properties.messageID, properties.correlationID, properties.type].map { $0 ?? "" }
        return SHA256.hex(Array(text.joined(separator: "\u{1}").utf8) + message.body)
    }
}
