import Glibc
import SagaBus
import SagaCore
import Testing

@testable import skald

/// A server that sends back what it gets, behind the network that `skald chaos` puts before the broker.
@Suite("The network of skald chaos")
struct FaultyNetworkTests {
    /// Blocking, on threads of their own.
    private final class Echo: Sendable {
        let port: Int
        private let descriptor: Int32

        init() throws {
            (descriptor, port) = try #require(LocalSocket.listen())
            _ = fcntl(descriptor, F_SETFL, 0)
            DedicatedThread.start { [descriptor] in
                while true {
                    let client = accept(descriptor, nil, nil)
                    guard client >= 0 else { return }
                    DedicatedThread.start {
                        var bytes = [UInt8](repeating: 0, count: 4096)
                        while case let count = recv(client, &bytes, bytes.count, 0), count > 0 {
                            send(client, bytes, count, Int32(MSG_NOSIGNAL))
                        }
                        close(client)
                    }
                }
            }
        }

        deinit {
            shutdown(descriptor, Int32(SHUT_RDWR))
            close(descriptor)
        }
    }

    private enum Heard: Equatable {
        case text(String)
        case end
        case reset
        case nothing
    }

    private struct Caller {
        let descriptor: Int32

        init(_ network: FaultyNetwork, _ target: FaultTarget = .worker) throws {
            let port = try #require(network.url(for: target).split(separator: ":").last.flatMap { Int($0.dropLast()) })
            descriptor = try #require(LocalSocket.connect(port: port))
            _ = fcntl(descriptor, F_SETFL, 0)
        }

        func say(_ text: String) { send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

        /// - Parameter patience: for what shall not come; else as long as it takes.
        func hear(within patience: Int32 = 600_000) -> Heard {
            var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&source, 1, patience) > 0 else { return .nothing }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count > 0 { return .text(String(decoding: bytes[..<count], as: UTF8.self)) }
            return count == 0 ? .end : .reset
        }

        func hangUp() { close(descriptor) }
    }

    private func withNetwork(_ body: @escaping @Sendable (FaultyNetwork) throws -> Void) async throws {
        try await runOnDedicatedThread {
            let echo = try Echo()
            let network = try FaultyNetwork(brokerPort: echo.port, targets: [.worker, .ledger])
            defer { network.stop() }
            try withExtendedLifetime(echo) { try body(network) }
        }
    }

    @Test func carriesWhatIsSaid() async throws {
        try await withNetwork { network in
            let caller = try Caller(network)
            defer { caller.hangUp() }
            for text in ["one", "two", String(repeating: "x", count: 4096)] {
                caller.say(text)
                var heard = ""
                while heard.utf8.count < text.utf8.count, case .text(let more) = caller.hear() { heard += more }
                #expect(heard == text)
            }
        }
    }

    @Test("what is delayed arrives later, in order; others are not delayed") func delay() async throws {
        try await withNetwork { network in
            let (slow, fast) = (try Caller(network, .worker), try Caller(network, .ledger))
            defer { for caller in [slow, fast] { caller.hangUp() } }
            network.set(.delayed(milliseconds: 300), for: .worker)
            // The command is taken before what comes after it.
            #expect(slow.hear(within: 50) == .nothing)
            let began = ContinuousClock.now
            slow.say("a")
            fast.say("b")
            #expect(fast.hear() == .text("b"))
            #expect(slow.hear() == .text("a"))
            #expect(began.duration(to: .now) >= .milliseconds(600))
            network.set(.fine, for: .worker)
        }
    }

    @Test("F17: a black hole carries nothing and ends nothing; healed, its connections are reset") func blackhole()
        async throws
    {
        try await withNetwork { network in
            let old = try Caller(network)
            old.say("a")
            #expect(old.hear() == .text("a"))
            network.set(.blackhole, for: .worker)
            #expect(old.hear(within: 50) == .nothing)
            old.say("b")
            let new = try Caller(network)
            new.say("c")
            #expect(old.hear(within: 300) == .nothing)
            #expect(new.hear(within: 100) == .nothing)
            network.heal(.worker)
            #expect(old.hear() == .reset)
            #expect(new.hear() == .reset)
            let next = try Caller(network)
            next.say("d")
            #expect(next.hear() == .text("d"))
            for caller in [old, new, next] { caller.hangUp() }
        }
    }

    @Test("half a connection ends, and the other half goes on") func halfClose() async throws {
        try await withNetwork { network in
            let caller = try Caller(network)
            defer { caller.hangUp() }
            caller.say("a")
            #expect(caller.hear() == .text("a"))
            network.halfClose(.worker, towardsBroker: false)
            #expect(caller.hear() == .end)
            network.heal(.worker)
        }
    }

    @Test("a reset hits the connections of one process only") func reset() async throws {
        try await withNetwork { network in
            let (worker, ledger) = (try Caller(network, .worker), try Caller(network, .ledger))
            for caller in [worker, ledger] {
                caller.say("a")
                #expect(caller.hear() == .text("a"))
            }
            network.reset(.worker)
            #expect(worker.hear() == .reset)
            ledger.say("b")
            #expect(ledger.hear() == .text("b"))
            for caller in [worker, ledger] { caller.hangUp() }
        }
    }
}
