import Logging
import SagaBus

/// What a publisher and a consumer do differently on their connection. Everything is called on the loop's thread.
protocol LinkRole: Sendable {
    associatedtype Command: Sendable

    /// For logs: "publisher" or "consumer <id>".
    var name: String { get }
    /// The owner wants no more.
    var isClosing: Bool { get }
    /// There is something to write now.
    var hasMoreToWrite: Bool { get }

    /// Takes in what the owner wants, connected or not.
    mutating func handle(_ commands: [Command])
    /// Makes a new connection ready and tells the owner.
    mutating func begin(on connection: Connection, isFirst: Bool) throws(ConnectionFailure)
    mutating func write(to connection: Connection) throws(ConnectionFailure)
    mutating func receive(_ incoming: [Incoming]) throws(ConnectionFailure)
    /// Tells the owner that the connection is gone. Not called when the owner closes.
    mutating func lost(_ error: BusError)
    /// Tells the owner that there will be no other connection.
    func failed(_ error: BusError)
    /// Reports what is still out.
    mutating func end()
}

/// Keeps one link to the broker alive on a thread of its own, until its owner closes it.
struct LinkLoop<Role: LinkRole> {
    /// How long a queue that someone else has to themselves is asked for again after a loss: the broker notices the end
    /// of a half-open connection, perhaps our own, only after some heartbeats.
    private static var lockedPatience: Duration { .seconds(90) }

    var role: Role
    let inbox: Inbox<Role.Command>
    let core: BusCore

    mutating func run(first connection: Connection) {
        var connection: Connection? = connection
        while let current = connection, !role.isClosing {
            do throws(ConnectionFailure) {
                try serve(current)
                current.close()
                connection = nil
            } catch {
                core.logger.warning("\(role.name): \(error.error.message)")
                connection = nil
                role.lost(error.error)
                // Who goes on after a pause may find the queue taken by its own half-open connection.
                connection = error.isTemporary || error.isQueueTaken ? reconnect() : refuse(error)
            }
        }
        role.handle(inbox.close())
        role.end()
    }

    /// Works until the owner closes; throws when the connection is lost.
    private mutating func serve(_ connection: Connection) throws(ConnectionFailure) {
        var incoming: [Incoming] = []
        while true {
            role.handle(inbox.takeAll())
            var loss: ConnectionFailure?
            do throws(ConnectionFailure) {
                try role.write(to: connection)
                if role.isClosing { return }
            } catch {
                loss = error
            }
            // After a failed write too: confirms may have arrived, or the broker's reason for hanging up.
            do throws(ConnectionFailure) {
                try connection.receive(into: &incoming)
            } catch  where loss == nil || error.replyCode != nil {
                loss = error
            } catch {}
            if !incoming.isEmpty {
                try role.receive(incoming)
                incoming.removeAll(keepingCapacity: true)
            }
            if let loss { throw loss }
            if !role.hasMoreToWrite { connection.wait(orFor: inbox.flag) }
        }
    }

    /// Tries until it has a connection again; nil when the owner closes or it will not get better.
    private mutating func reconnect() -> Connection? {
        var backoff = Backoff()
        let start = ContinuousClock.now
        while true {
            let end = ContinuousClock.now + backoff.delay()
            while ContinuousClock.now < end && !role.isClosing {
                inbox.flag.wait(atMost: end - ContinuousClock.now)
                role.handle(inbox.takeAll())
            }
            guard !role.isClosing else { return nil }
            do throws(ConnectionFailure) {
                let connection = try Connection.open(to: core.address, options: core.options, purpose: role.name)
                try connection.declare(core.topology)
                try role.begin(on: connection, isFirst: false)
                core.logger.info("\(role.name): connected again")
                return connection
            } catch {
                core.logger.debug("\(role.name): \(error.error.message)")
                let isWaitingForTurn = error.isQueueTaken && ContinuousClock.now - start < Self.lockedPatience
                if !error.isTemporary && !isWaitingForTurn { return refuse(error) }
            }
        }
    }

    /// Gives up, but answers the owner until it closes.
    private mutating func refuse(_ failure: ConnectionFailure) -> Connection? {
        core.logger.error("\(role.name): giving up: \(failure.error.message)")
        role.failed(failure.error)
        while !role.isClosing {
            inbox.flag.wait(atMost: nil)
            role.handle(inbox.takeAll())
        }
        return nil
    }
}
