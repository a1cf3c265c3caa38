import SagaBus
import SagaCore

/// The broker and who is connected to it. The broker itself is the embedded bus; what comes between is ours.
// One thread drives a simulation and all that belongs to it.
final class Network: @unchecked Sendable {
    let time: VirtualTime
    let luck: Luck
    let trace: Trace
    let broker = InMemoryBus()
    let queues = QueueWatch()
    private let inbox = BusMailbox()
    private var publisher: (any BusPublisher)?
    private var lastToken: UInt64 = 0
    private var awaiting: [UInt64: (message: Message, tell: (PublishOutcome) -> Void)] = [:]
    private var consumers: [ConsumerID: SimulatedConsumer] = [:]
    private var links: [any SimulatedLink] = []
    private var consumerCount = 0
    /// By routing key.
    private var silentUntil: [String: Int64] = [:]
    var onClockJump: () -> Void = {}
    private(set) var isAway = false
    private(set) var isBlocked = false
    /// Messages that are neither in a queue nor with anyone yet.
    private(set) var delayed = 0
    /// What has succeeded, and was said to be refused first.
    private(set) var contradicted: [CommandID] = []

    init(time: VirtualTime, luck: Luck, trace: Trace) throws(BusError) {
        self.time = time
        self.luck = luck
        self.trace = trace
        publisher = try broker.openPublisher(mailbox: inbox)
    }

    var isIdle: Bool { delayed == 0 && awaiting.isEmpty && broker.isIdle }

    // MARK: Messages

    /// A message has come to the broker. Tells what the broker says of it.
    func arrive(_ message: Message, _ tell: @escaping (PublishOutcome) -> Void) {
        if message.mayBeLost, isSilent(message.routingKey) || luck.happens(.loseMessage) {
            trace.note("network", "loses \(message.summary)")
            return tell(.confirmed)
        }
        if luck.happens(.duplicateMessage) {
            trace.note("network", "doubles \(message.summary)")
            let isLate = message.mayBeLost && luck.draw(0...3, of: .duplicateMessage) == 0
            later(luck.milliseconds(0...(isLate ? 900_000 : 20_000), of: .duplicateMessage), message)
        }
        if message.mayBeLost, luck.happens(.delayMessage) {
            let delay = luck.milliseconds(10...120_000, of: .delayMessage)
            trace.note("network", "holds \(message.summary) back for \(delay) ms")
            later(delay, message)
            return tell(.confirmed)
        }
        put(altered(message), tell)
        if !links.isEmpty, luck.happens(.breakConnection) { breakOne() }
        if luck.happens(.stopBroker) { stop(for: luck.milliseconds(1000...600_000, of: .stopBroker)) }
        if luck.happens(.deleteQueue) { deleteQueue(of: message) }
        if luck.happens(.jumpClock) { onClockJump() }
        if luck.happens(.blockBroker) { block(for: luck.milliseconds(100...120_000, of: .blockBroker)) }
    }

    /// What a participant of another make would have said instead.
    private func altered(_ message: Message) -> Message {
        guard message.exchange == SkaldNames.replies, var reply = try? Reply.decode(message) else { return message }
        switch reply.outcome {
        case .retry where luck.comesAlong(.handlerError, onceIn: 3):
            reply.retryAfterMilliseconds = luck.milliseconds(1...600_000, of: .handlerError)
        case .succeeded where reply.command.kind == .action && luck.happens(.contradictReply):
            trace.note("network", "has \(message.summary) come later, and a refusal now")
            contradicted.append(reply.command)
            later(luck.milliseconds(10...60_000, of: .contradictReply), message)
            reply.outcome = .failed
            reply.body = ["code": .string(RefusalCode.notAllowed.rawValue), "message": "no, or yes"]
        case .succeeded where luck.happens(.incompleteReply):
            guard var members = reply.body.object, !members.isEmpty else { return message }
            let index = Int(luck.draw(0...Int64(members.members.count - 1), of: .incompleteReply))
            let name = members.members[index].key
            trace.note("network", "takes \(name) out of \(message.summary)")
            members[name] = nil
            reply.body = .object(members)
        case .retry, .succeeded, .failed: return message
        }
        return reply.message(to: message.routingKey)
    }

    /// For a while all that goes this way is lost: what one lost message leaves open, the next ones settle.
    private func isSilent(_ routingKey: String) -> Bool {
        if time.milliseconds < silentUntil[routingKey] ?? 0 { return true }
        guard luck.happens(.loseMessage, lessBy: 0.1) else { return false }
        silentUntil[routingKey] = time.milliseconds + luck.milliseconds(5000...60_000, of: .loseMessage)
        return true
    }

    private func later(_ delay: Int64, _ message: Message) {
        delayed += 1
        time.after(delay) { [self] in
            delayed -= 1
            put(message) { _ in }
        }
    }

    private func put(_ message: Message, _ tell: @escaping (PublishOutcome) -> Void) {
        lastToken += 1
        awaiting[lastToken] = (message, tell)
        publisher?.publish([(token: lastToken, message: message)])
        pump()
    }

    /// Hands on what the broker has said.
    func pump() {
        while true {
            let events = inbox.receive(waitingAtMost: .zero)
            guard !events.isEmpty else { return }
            for event in events {
                switch event {
                case .published(let results):
                    for result in results {
                        guard let (message, tell) = awaiting.removeValue(forKey: result.token) else { continue }
                        if result.outcome == .confirmed { queues.confirmed(message) }
                        tell(result.outcome)
                    }
                case .delivery(let delivery): consumers[delivery.consumer]?.arrived(delivery)
                case .consuming(let id, let backlog, _): consumers[id]?.isConsuming(backlog: backlog)
                case .publishingBlocked, .publishingUnblocked, .consumerLost, .publisherLost, .publisherReady, .failed:
                    break
                }
            }
        }
    }

    // MARK: Connections

    /// Lets go of everybody, who all refer back here.
    func end() {
        for link in links { link.end() }
        (links, consumers, awaiting, publisher) = ([], [:], [:], nil)
        onClockJump = {}
    }

    func declare(_ topology: Topology) throws(BusError) {
        try broker.declare(topology)
        queues.declared(topology)
    }

    func add(_ link: any SimulatedLink) { links.append(link) }
    func remove(_ link: any SimulatedLink) { links.removeAll { $0 === link } }

    func open(_ consumer: SimulatedConsumer, queue: String, _ options: ConsumerOptions) throws(BusError)
        -> any BusConsumer
    {
        consumerCount += 1
        let id = ConsumerID("\(consumerCount)")
        consumers[id] = consumer
        return try broker.openConsumer(id, queue: queue, options: options, mailbox: inbox)
    }

    private func breakOne() {
        let link = links[Int(luck.draw(0...Int64(links.count - 1), of: .breakConnection))]
        trace.note("network", "a connection of \(link.owner) breaks")
        link.lose()
        time.after(luck.milliseconds(100...30_000, of: .breakConnection)) { [self] in
            if !isAway { link.restore() }
        }
    }

    /// Deletes the queue this message has gone to, if it is one of ours.
    private func deleteQueue(of message: Message) {
        let name: String
        switch message.exchange {
        case SkaldNames.commands: name = SkaldNames.commandQueue(participant: message.routingKey)
        case SkaldNames.replies: name = message.routingKey
        default: return
        }
        trace.note("broker", "the queue \(name) is deleted")
        broker.deleteQueue(name)
        let consumers = links.compactMap { $0 as? SimulatedConsumer }.filter { $0.queue == name }
        for consumer in consumers { consumer.queueIsGone() }
        queues.deleted(queue: name)
        time.after(luck.milliseconds(100...20_000, of: .deleteQueue)) { [self] in
            if !isAway { for consumer in consumers { consumer.restore() } }
        }
    }

    private func stop(for milliseconds: Int64) {
        guard !isAway else { return }
        trace.note("broker", "is away for \(milliseconds) ms")
        isAway = true
        for link in links { link.lose() }
        time.after(milliseconds) { [self] in
            trace.note("broker", "is back")
            isAway = false
            for link in links { link.restore() }
        }
    }

    private func block(for milliseconds: Int64) {
        guard !isBlocked else { return }
        trace.note("broker", "takes no messages for \(milliseconds) ms")
        isBlocked = true
        broker.blockPublishing(reason: "low on memory")
        for link in links { link.block(reason: "low on memory") }
        time.after(milliseconds) { [self] in
            trace.note("broker", "takes messages again")
            isBlocked = false
            for link in links { link.block(reason: nil) }
            broker.unblockPublishing()
            pump()
        }
    }
}

/// One connection of a process.
protocol SimulatedLink: AnyObject {
    var owner: String { get }
    func lose()
    func restore()
    func block(reason: String?)
    /// The simulation is over: what is on the way stays there.
    func end()
}

extension Message {
    /// What the rules let be lost: commands and replies come again. Starts and requests are their senders' business.
    fileprivate var mayBeLost: Bool { exchange == SkaldNames.commands || exchange == SkaldNames.replies }

    var summary: String {
        let properties = properties
        let id = properties.messageID ?? properties.correlationID ?? "-"
        let attempt = properties.header("skald-attempt").map { " #\($0.text)" } ?? ""
        let outcome = properties.header("skald-outcome").map { " \($0.text)" } ?? ""
        return "\(properties.type ?? "-")\(outcome) \(id)\(attempt)"
    }
}

extension HeaderValue {
    fileprivate var text: String {
        switch self {
        case .string(let text): text
        case .int(let number): "\(number)"
        case .bool(let value): "\(value)"
        case .unsupported: "?"
        }
    }
}
