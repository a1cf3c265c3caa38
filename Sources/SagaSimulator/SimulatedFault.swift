/// What a simulation does to the system. The rate of each is the chance that it happens at one opportunity.
package enum SimulatedFault: String, CaseIterable, Sendable, Hashable {
    /// A command or reply never arrives, although the broker confirmed it (F7).
    case loseMessage = "lose-message"
    /// A message arrives twice (F4).
    case duplicateMessage = "duplicate-message"
    /// A message arrives seconds or minutes later, after others that were sent later (F6).
    case delayMessage = "delay-message"
    /// A connection breaks; some of what was on its way is lost (F3, F13).
    case breakConnection = "break-connection"
    /// Nobody reaches the broker for a while (F13).
    case stopBroker = "stop-broker"
    /// Somebody deletes a queue; for a while commands to it come back (F15, F16).
    case deleteQueue = "delete-queue"
    /// The broker takes no messages for a while (F14).
    case blockBroker = "block-broker"
    /// The worker dies: at a commit, an acknowledgement, a publish, a confirm or in between (F1, F2, F3).
    case crashWorker = "crash-worker"
    /// A participant dies, likewise.
    case crashParticipant = "crash-participant"
    /// A process stands still for a while and then goes on (F20).
    case stall
    /// A commit fails: the disk is full (F21). The worker's also fails for another reason (F26), or is done and says it
    /// is not.
    case failCommit = "fail-commit"
    /// A handler meets an error of its own and asks to be asked again, now and then after a pause of its own.
    case handlerError = "handler-error"
    /// A participant answers without something that its answer should hold (rule 13).
    case incompleteReply = "incomplete-reply"
    /// A participant refuses an action for reasons of its own.
    case refuseAction = "refuse-action"
    /// A participant refuses what may not be refused: a compensation, or an action after the point of no return (F12).
    case refuseForGood = "refuse-for-good"
    /// The card gateway does not answer and has done nothing.
    case silentGateway = "silent-gateway"
    /// The card gateway does not answer and has done it.
    case lostGatewayAnswer = "lost-gateway-answer"
    /// An operator asks for something: cancel, retry, skip, resolve, pause, resume, abandon (F27).
    case operatorRequest = "operator-request"
    /// A customer sends the same order again, or another under the same number, or one after another (F4).
    case repeatStart = "repeat-start"
    /// A wall clock jumps, by up to a day, also while the worker is down (F24).
    case jumpClock = "jump-clock"
    /// The definition files change (F25).
    case changeDefinition = "change-definition"
    /// A participant says that it has refused an action, and some time later that it has succeeded after all (F5).
    case contradictReply = "contradict-reply"
}

/// How a simulation goes: how many orders, how long faults happen, how often each.
package struct Scenario: Sendable, Hashable {
    package var name: String
    package var orders: ClosedRange<Int>
    /// Faults happen for so long, drawn from this; then the system must come to rest.
    package var faultMilliseconds: ClosedRange<Int64>
    package var rates: [SimulatedFault: Double]
    /// Each seed draws which faults it has and how often: what many kinds of fault hide, a few may show (swarm
    /// testing: Groce, Zhang, Eide, Chen and Regehr, ISSTA 2012).
    package var isSwarm: Bool
    /// Whether definitions have budgets of seconds; nil: the seed draws it.
    package var isHasty: Bool?

    package init(
        name: String, orders: ClosedRange<Int> = 1...4, faultMilliseconds: ClosedRange<Int64> = 5000...900_000,
        rates: [SimulatedFault: Double], isSwarm: Bool = true,
        isHasty: Bool? = nil
    ) {
        self.name = name
        self.orders = orders
        self.faultMilliseconds = faultMilliseconds
        self.rates = rates
        self.isSwarm = isSwarm
        self.isHasty = isHasty
    }

    package static let calm = Scenario(name: "calm", rates: [:], isSwarm: false, isHasty: false)
    package static let everything = Scenario(
        name: "everything",
        rates: [
            .loseMessage: 0.02, .duplicateMessage: 0.03, .delayMessage: 0.03, .breakConnection: 0.004,
            .stopBroker: 0.001, .deleteQueue: 0.002, .blockBroker: 0.002, .crashWorker: 0.004, .crashParticipant: 0.004,
            .stall: 0.004,
            .failCommit: 0.005, .handlerError: 0.03, .incompleteReply: 0.01, .refuseAction: 0.03, .refuseForGood: 0.01,
            .silentGateway: 0.1,
            .lostGatewayAnswer: 0.1, .operatorRequest: 0.25, .repeatStart: 0.3, .jumpClock: 0.001,
            .changeDefinition: 0.1, .contradictReply: 0.02,
        ])
    package static let crashes = Scenario(
        name: "crashes",
        rates: [
            .crashWorker: 0.02, .crashParticipant: 0.02, .breakConnection: 0.01, .stopBroker: 0.002,
            .silentGateway: 0.1, .lostGatewayAnswer: 0.1, .refuseAction: 0.03,
        ])
    package static let network = Scenario(
        name: "network",
        rates: [
            .loseMessage: 0.08, .duplicateMessage: 0.1, .delayMessage: 0.1, .breakConnection: 0.01,
            .stopBroker: 0.002, .deleteQueue: 0.005, .blockBroker: 0.004, .refuseAction: 0.03,
        ])
    package static let operators = Scenario(
        name: "operators",
        rates: [
            .operatorRequest: 1, .refuseForGood: 0.05, .refuseAction: 0.05, .incompleteReply: 0.05,
            .loseMessage: 0.05, .delayMessage: 0.05, .duplicateMessage: 0.05, .crashWorker: 0.004,
            .lostGatewayAnswer: 0.1, .contradictReply: 0.05,
        ])

    package static let all = [everything, crashes, network, operators, calm]
}
