import BusConformance
import Foundation
import RabbitMQBus
import SagaBus
import SagaCore
import SagaStore
import Testing

/// What a broker can do to a running worker and running services, one fault at a time, with real processes.
@Suite(.serialized, .enabled(if: RunningSystem.brokerScript != nil, RunningSystem.missing), .timeLimit(.minutes(10)))
struct BrokerFaultTests {
    @Test("F14: a disk alarm: publishing waits and says so, consuming and committing go on; all goes on when it ends")
    func diskAlarm() async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            // Commands wait for the inventory, and starts for the worker, when the alarm comes.
            try system.freeze(.inventory)
            try system.place(2...21)
            try system.awaitStore("the commands have left") {
                try $0.openSagaCount() == 20 && $0.outboxCount() == 0
            }
            try system.freeze(.worker)
            try system.place(22...41)
            try raiseDiskAlarm(system)
            try system.thaw(.worker)
            try system.thaw(.inventory)

            try system.awaitStore("starts are taken in and committed") { try $0.openSagaCount() == 40 }
            try system.awaitLog(of: .worker, "the broker takes no messages for now; they wait in the outbox")
            try system.awaitLog(of: .inventory, "the broker takes no replies for now")
            try require(try system.read { try $0.outboxCount() } >= 20, "what is to be sent waits in the outbox")
            try system.expectReadable(key: "30")
            let input = system.directory + "/order.json"
            try RunningSystem.order(1).text.write(toFile: input, atomically: true, encoding: .utf8)
            let start = try system.run(["start", "place-order", "--input", input])
            try require(start.code == 69, "a customer is told: \(start)")
            try require(start.output.contains("the broker takes no messages for now"), "a customer is told: \(start)")

            try system.control("set_disk_free_limit 50MB")
            try system.awaitLog(of: .worker, "the broker takes messages again")
            try system.awaitLog(of: .inventory, "the broker takes replies again")
            try system.expectRest(sagas: 41)
        }
    }

    /// Returns when the alarm is in force.
    private func raiseDiskAlarm(_ system: RunningSystem) throws {
        try system.control("set_disk_free_limit 1000000GB")
        let (bus, watcher, queue) = (try system.bus(), Watcher(), uniqueName())
        defer { bus.close() }
        try bus.declare(Topology(queues: [.init(queue)]))
        try bus.openPublisher(mailbox: watcher.mailbox).publish(texts: ["a"], to: queue)
        try watcher.next("publishingBlocked") { if case .publishingBlocked = $0 { () } else { nil } }
    }

    @Test("F15: queues that are deleted under a running worker and service are declared anew, and orders go on")
    func queuesDeleted() async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            for queue in ["skald.starts.0", "skald.replies.0", "payment.commands"] {
                try system.control("delete_queue \(queue)")
            }
            try system.awaitLog(of: .worker, "queue skald.starts.0 is gone")
            try system.awaitLog(of: .worker, "queue skald.replies.0 is gone")
            try system.awaitLog(of: .payment, "queue payment.commands is gone")
            try system.place(2...11)
            try system.expectRest(sagas: 11)
        }
    }

    @Test(
        "F15: a queue that cannot be declared anew ends the process with a clear error and a non-zero exit",
        arguments: [(RunningSystem.Part.worker, "skald.starts.0"), (.payment, "payment.commands")])
    func queueReplaced(_ part: RunningSystem.Part, _ queue: String) async throws {
        try await RunningSystem.run { system in
            try system.startAll()
            try system.place(1...1)
            try system.awaitEnds(1)
            // Somebody puts a queue of another kind in its place before it can do anything about it.
            try system.freeze(part)
            try system.control("delete_queue \(queue)")
            var options = RabbitMQOptions()
            options.queueKind = .quorum
            let bus = try system.bus(options)
            defer { bus.close() }
            try bus.declare(Topology(queues: [.init(queue)]))
            try system.thaw(part)
            let code = try system.waitForEnd(of: part)
            try require(code == 1, "\(part.rawValue) ends with 1, not \(code)")
            let last = system.log(of: part).split(separator: "\n").last ?? ""
            try require(
                last.hasPrefix("error: Declaring the queue \(queue): ") && last.contains("x-queue-type"),
                "it says why: \(last)")
            // What it knows is still there to be looked at.
            try system.expectReadable(key: "1")
        }
    }

    @Test("F16: a command whose queue is gone comes back: the row stays, an error names the queue, later it goes out")
    func unroutable() async throws {
        try await RunningSystem.run { system in
            try system.start(.broker)
            try system.start(.worker)
            for service in [RunningSystem.Part.inventory, .ledger] { try system.startService(service) }
            try system.awaitLog(of: .worker, "worker started")
            try system.control("delete_queue payment.commands")
            try system.place(1...1)
            try system.awaitLog(of: .worker, "no queue takes a command; it stays in the outbox")
            let line = try #require(
                system.log(of: .worker).split(separator: "\n").first { $0.contains("no queue takes a command") })
            try require(line.contains(" error "), "it is an error: \(line)")
            try require(line.contains("queue=payment.commands"), "it names the queue: \(line)")
            try require(line.contains("/authorize-payment/action/1"), "it names the command: \(line)")
            let row = try #require(try system.read { try $0.outbox() }.first)
            try require(row.command?.step == "authorize-payment", "the row stays")
            try system.expectReadable(key: "1")
            // Its queue comes with the service.
            try system.startService(.payment)
            try system.expectRest(sagas: 1)
            try require(try system.read { try $0.countByStatus() } == [.completed: 1], "the order is completed")
        }
    }

    @Test("F17: half-open connections of a worker and a service are noticed by their heartbeats, and orders go on")
    func halfOpen() async throws {
        try await RunningSystem.run { system in
            try system.start(.broker)
            let proxy = try FaultyProxy(to: system.brokerURL)
            defer { proxy.stop() }
            let throughProxy = ["--broker", proxy.url + "?heartbeat=1"]
            try system.start(.worker, throughProxy)
            try system.startService(.inventory)
            try system.startService(.payment, throughProxy)
            try system.startService(.ledger)
            try system.place(1...1)
            try system.awaitEnds(1)
            proxy.silenceAll()
            try system.place(2...11)
            let noticed = "the broker has been silent for two heartbeats"
            try system.awaitLog(of: .worker, noticed)
            try system.awaitLog(of: .payment, noticed)
            try system.expectRest(sagas: 11)
        }
    }
}
