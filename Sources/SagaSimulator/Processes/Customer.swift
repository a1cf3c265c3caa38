import SagaBus
import SagaCore

/// A message someone outside sends, again and again until it is answered.
final class Errand {
    let id: String
    /// What is sent is decided when it is due; nil: nothing.
    let make: (_ id: String) -> Message?
    fileprivate(set) var answer: Answer?
    /// What else was answered, also to the same message that the network doubled.
    fileprivate(set) var laterAnswers: [Answer] = []
    /// It is sent once more so long after its answer, as by someone who has lost it.
    private let repeatAfter: Int64?
    private var repeats = 0
    fileprivate var message: Message?
    fileprivate var isDropped = false
    fileprivate var nextTry: Int64

    init(id: String, due: Int64, repeatAfter: Int64? = nil, make: @escaping (_ id: String) -> Message?) {
        self.id = id
        self.repeatAfter = repeatAfter
        self.make = make
        nextTry = due
    }

    var isOpen: Bool { !isDropped && (answer == nil || isRepeated && laterAnswers.isEmpty) }
    var wasSent: Bool { message != nil }
    private var isRepeated: Bool { repeatAfter != nil && repeats < Self.mostRepeats }
    private static let mostRepeats = 3

    /// Once more now, and again should no answer come.
    fileprivate func isSent(at now: Int64, patience: Int64) {
        nextTry = now + patience
        if answer != nil { repeats += 1 }
    }

    fileprivate func take(_ answer: Answer, at now: Int64) {
        guard self.answer != nil else {
            self.answer = answer
            if let repeatAfter { nextTry = now + repeatAfter }
            return
        }
        laterAnswers.append(answer)
    }
}

/// Customers and operators: they send their errands over a connection that breaks like any other.
final class Customer: Program {
    static let queue = "customer.answers"
    private static let events = "customer.events"

    private let bus: SimulatedBus
    private let time: VirtualTime
    private let trace: Trace
    private let mailbox = BusMailbox()
    private var publisher: (any BusPublisher)?
    private var consumer: (any BusConsumer)?
    private(set) var errands: [Errand] = []
    /// Saga and type of each event that came.
    private(set) var heard: Set<String> = []
    private var eventConsumer: (any BusConsumer)?
    private var byID: [String: Errand] = [:]
    private var lastToken: UInt64 = 0

    init(bus: SimulatedBus, time: VirtualTime, trace: Trace) {
        self.bus = bus
        self.time = time
        self.trace = trace
    }

    func add(_ errand: Errand) {
        errands.append(errand)
        byID[errand.id] = errand
    }

    var areDone: Bool { errands.allSatisfy { !$0.isOpen } }

    var patience: Duration {
        let next = errands.lazy.filter(\.isOpen).map(\.nextTry).min() ?? .max
        return .milliseconds(min(60_000, max(1, next - time.milliseconds)))
    }

    func step() throws {
        guard let publisher, let consumer else { return try connect() }
        var settled: [DeliveryTag] = []
        var settledEvents: [DeliveryTag] = []
        for case .delivery(let delivery) in mailbox.receive(waitingAtMost: .zero) {
            guard delivery.consumer == "answers" else {
                let properties = delivery.message.properties
                heard.insert("\(properties.correlationID ?? "") \(properties.type ?? "")")
                settledEvents.append(delivery.tag)
                continue
            }
            settled.append(delivery.tag)
            guard let answer = try? Answer.decode(delivery.message), let errand = byID[answer.requestID] else {
                continue
            }
            trace.note("customer", "\(errand.id) is \(answer.kind.rawValue) \(answer.code)")
            errand.take(answer, at: time.milliseconds)
        }
        if !settled.isEmpty { consumer.acknowledge(settled) }
        if !settledEvents.isEmpty { eventConsumer?.acknowledge(settledEvents) }
        for errand in errands where errand.isOpen && errand.nextTry <= time.milliseconds {
            if errand.message == nil { errand.message = errand.make(errand.id) }
            guard let message = errand.message else {
                errand.isDropped = true
                continue
            }
            errand.isSent(at: time.milliseconds, patience: Self.patienceForAnswer)
            lastToken += 1
            publisher.publish([(token: lastToken, message: message)])
        }
    }

    private func connect() throws(BusError) {
        do throws(BusError) {
            try bus.declare(
                .orchestrator(shard: 0)
                    + Topology(
                        queues: [.init(Self.queue), .init(Self.events)],
                        bindings: [.init(exchange: SkaldNames.events, routingKey: "#", queue: Self.events)]))
            let publisher = try bus.openPublisher(mailbox: mailbox)
            consumer = try bus.openConsumer(
                "answers", queue: Self.queue, options: ConsumerOptions(prefetch: 100), mailbox: mailbox)
            eventConsumer = try bus.openConsumer(
                "events", queue: Self.events, options: ConsumerOptions(prefetch: 100), mailbox: mailbox)
            self.publisher = publisher
        } catch  where error.isTemporary {
            // Tried again with the next step.
        }
    }

    private static let patienceForAnswer: Int64 = 5000
}

extension Answer {
    var code: String { body["code"]?.string ?? body["status"]?.string ?? "" }
}
