/// What the chaos runner can do to a running system.
enum FaultKind: String, CaseIterable, Sendable {
    // To one process
    case killWorker = "kill-worker"
    case killInventory = "kill-inventory"
    case killPayment = "kill-payment"
    case killLedger = "kill-ledger"
    case restart
    case crashPoint = "crash-point"
    case freeze
    case diskFull = "disk-full"
    case secondWorker = "second-worker"
    // To the broker
    case killBroker = "kill-broker"
    case restartBroker = "restart-broker"
    case memoryAlarm = "memory-alarm"
    case deleteQueue = "delete-queue"
    // To the connections of one process
    case delay
    case blackhole
    case halfClose = "half-close"
    case reset

    /// Mean time between two, and the mean time one lasts (or the process is left dead), in milliseconds.
    var usual: FaultRate {
        switch self {
        case .killWorker: FaultRate(every: 15_000, lasting: 400)
        case .killInventory, .killPayment, .killLedger: FaultRate(every: 8_000, lasting: 400)
        case .restart: FaultRate(every: 30_000, lasting: 300)
        case .crashPoint: FaultRate(every: 12_000, lasting: 300)
        case .freeze: FaultRate(every: 25_000, lasting: 2_500)
        case .diskFull: FaultRate(every: 45_000, lasting: 3_000)
        case .secondWorker: FaultRate(every: 60_000, lasting: nil)
        case .killBroker: FaultRate(every: 90_000, lasting: 500)
        case .restartBroker: FaultRate(every: 240_000, lasting: 500)
        case .memoryAlarm: FaultRate(every: 100_000, lasting: 3_000)
        case .deleteQueue: FaultRate(every: 60_000, lasting: nil)
        case .delay: FaultRate(every: 30_000, lasting: 6_000)
        case .blackhole: FaultRate(every: 60_000, lasting: 5_000)
        case .halfClose: FaultRate(every: 60_000, lasting: 3_000)
        case .reset: FaultRate(every: 20_000, lasting: nil)
        }
    }

    var explanation: String {
        switch self {
        case .killWorker, .killInventory, .killPayment, .killLedger: "kill -9, and start again"
        case .restart: "SIGTERM to the worker or a service, and start again"
        case .crashPoint: "started so that it kills itself when it comes to a named point of its code"
        case .freeze: "SIGSTOP, later SIGCONT"
        case .diskFull: "no file of the process can grow (RLIMIT_FSIZE)"
        case .secondWorker: "a second worker on the same file; it must refuse and name the first"
        case .killBroker: "kill -9 of the broker, and start again"
        case .restartBroker: "the broker is stopped in order, and started again"
        case .memoryAlarm: "the broker blocks everybody who publishes"
        case .deleteQueue: "a queue is deleted, with what is in it"
        case .delay: "what travels between a process and the broker arrives late"
        case .blackhole: "a process's connections carry nothing and do not end"
        case .halfClose: "one direction of a process's connections is closed"
        case .reset: "a process's connections are reset"
        }
    }

    /// Whom it can hit; one of them is drawn.
    var targets: [FaultTarget] {
        let services: [FaultTarget] = [.inventory, .payment, .ledger]
        return switch self {
        case .killWorker, .secondWorker: [.worker]
        case .killInventory: [.inventory]
        case .killPayment: [.payment]
        case .killLedger: [.ledger]
        case .restart, .freeze: [.worker] + services
        case .crashPoint, .diskFull: [.worker, .worker] + services
        case .killBroker, .restartBroker, .memoryAlarm, .deleteQueue: [.broker]
        case .delay, .blackhole, .halfClose, .reset: [.worker] + services + [.feeder]
        }
    }

    /// It ends a process with SIGKILL by itself.
    var isKill: Bool {
        switch self {
        case .killWorker, .killInventory, .killPayment, .killLedger, .killBroker: true
        default: false
        }
    }
}

/// Mean times in milliseconds.
struct FaultRate: Sendable, Hashable {
    var every: Int64
    /// Nil for what happens in an instant.
    var lasting: Int64?
}

enum FaultTarget: String, CaseIterable, Sendable {
    case worker, inventory, payment, ledger, broker
    /// Whoever places the orders.
    case feeder
}

/// One entry of a plan.
struct PlannedFault: Sendable, Hashable {
    let kind: FaultKind
    let target: FaultTarget
    /// Milliseconds from the beginning.
    let at: Int64
    let lasting: Int64
    /// Which queue, which crash point and the like: a number to draw from.
    let detail: UInt64

    /// One of these.
    func pick<Element>(_ choices: [Element]) -> Element { choices[Int(detail % UInt64(choices.count))] }
}
