import SagaBus
import SagaCore
import SagaStore

extension BatchWork {
    mutating func start(_ delivery: Delivery) throws {
        let request: StartRequest
        do throws(Refusal) {
            request = try StartRequest.decode(delivery.message)
        } catch {
            return try refuse(delivery, error)
        }
        do throws(StartRefusal) {
            try accept(request, try start(request))
        } catch {
            switch error {
            case .refused(let refusal, let saga): try refuse(delivery, refusal, saga: saga)
            case .failed(let error): throw error
            }
        }
    }

    private enum StartRefusal: Error {
        case refused(Refusal, saga: SagaID?)
        case failed(any Error)
    }

    /// The saga that a start has led to. One that exists may have been pruned.
    private struct StartedSaga {
        let id: SagaID
        let key: String
        let status: SagaStatus
        let isExisting: Bool
    }

    private mutating func start(_ request: StartRequest) throws(StartRefusal) -> StartedSaga {
        do {
            let definition = try core.registry.definition(named: request.definition, version: request.version)
            let key = try definition.businessKey(of: request.input)
            let inputHash = SHA256.hex(request.input.canonical)
            if !PlantedBug.forgetsBusinessKeys.isPlanted,
                let owner = try transaction.owner(ofKey: key, name: definition.name),
                let found = try existing(
                    owner, for: request, key: key, name: definition.name, inputHash: inputHash)
            {
                return StartedSaga(id: found.id, key: key, status: found.status, isExisting: true)
            }
            let new = try create(definition, request, key: key, inputHash: inputHash)
            return StartedSaga(id: new.id, key: key, status: new.status, isExisting: false)
        } catch let refusal as Refusal where refusal.code != .internal {
            throw .refused(refusal, saga: nil)
        } catch let refusal as StartRefusal {
            throw refusal
        } catch {
            throw .failed(error)
        }
    }

    /// The saga that has the key already, or nil if `request` may start its successor (rule 22).
    private func existing(
        _ owner: KeyOwner, for request: StartRequest, key: String, name: String, inputHash: String
    ) throws -> (id: SagaID, status: SagaStatus)? {
        guard let status = try status(of: owner.saga) else {
            throw StartRefusal.refused(conflict("the key has been used", path: ""), saga: owner.saga)
        }
        if let again = request.again {
            // The same request for a successor finds the successor, though that one may have one as well.
            if let successor = try transaction.successor(of: again, key: key, name: name),
                successor.inputHash == inputHash, let status = try self.status(of: successor.saga)
            {
                return (successor.saga, status)
            }
            guard owner.saga == again || PlantedBug.succeedsEarlier.isPlanted else {
                throw StartRefusal.refused(
                    conflict("the latest saga of this key is another one", path: "headers.skald-again"),
                    saga: owner.saga)
            }
            switch status {
            case .compensated, .abandoned: return nil
            case .completed where PlantedBug.succeedsCompleted.isPlanted: return nil
            case .running, .compensating, .stuck, .completed:
                throw StartRefusal.refused(
                    Refusal(
                        code: .notAllowed, path: "headers.skald-again",
                        message: "only a compensated or abandoned saga has a successor; it is \(status.rawValue)"
                    ), saga: owner.saga)
            }
        }
        if owner.inputHash == inputHash { return (owner.saga, status) }
        // The start of a saga that has a successor with other input may come once more as well.
        if !PlantedBug.forgetsEarlierStarts.isPlanted,
            let earlier = try transaction.owner(ofKey: key, name: name, inputHash: inputHash),
            let status = try self.status(of: earlier.saga)
        {
            return (earlier.saga, status)
        }
        throw StartRefusal.refused(
            conflict("the key is taken by a saga with other input", path: ""), saga: owner.saga)
    }

    private func conflict(_ message: String, path: String) -> Refusal {
        Refusal(code: .idempotencyConflict, path: path, message: message)
    }

    private mutating func create(
        _ definition: SagaDefinition, _ request: StartRequest, key: String, inputHash: String
    ) throws -> SagaState {
        if let again = request.again, try transaction.owner(ofKey: key, name: definition.name) == nil {
            throw StartRefusal.refused(
                Refusal(code: .sagaUnknown, path: "headers.skald-again", message: "this key has no saga yet"),
                saga: again)
        }
        // Only of what is new: a key that is taken is a conflict, whatever else may be wrong with the input.
        if let refusal = settings.inputCheck(definition, request.input) { throw refusal }
        let id = core.ids.next(at: now)
        let decision = try SagaMachine.start(
            id, definition: definition, requestID: request.requestID, input: request.input, again: request.again,
            traceparent: request.traceparent, at: now, using: &random)
        if !core.isSaved(definition), !savedHashes.contains(definition.contentHash) {
            try transaction.save(definition, at: now)
            savedHashes.insert(definition.contentHash)
        }
        // A planted bug writes the saga's id where the key belongs.
        try transaction.claimKey(
            PlantedBug.forgetsBusinessKeys.isPlanted ? "\(id)" : key, name: definition.name,
            for: KeyOwner(saga: id, inputHash: inputHash, again: request.again))
        try apply(decision, isNew: true)
        return decision.state
    }

    private mutating func accept(_ request: StartRequest, _ saga: StartedSaga) throws(StartRefusal) {
        guard let replyTo = request.replyTo else { return }
        do {
            try post(
                Answer(
                    kind: .accepted, requestID: request.requestID,
                    body: [
                        "saga": .string(saga.id.description), "key": .string(saga.key),
                        "status": .string(saga.status.rawValue), "existing": .bool(saga.isExisting),
                    ]
                ).message(to: replyTo))
        } catch {
            throw .failed(error)
        }
    }
}
