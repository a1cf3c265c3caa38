import ArgumentParser
import SagaBus
import SagaCore
import SagaStore
import Synchronization

/// What became of each start, told as it happens, and the command's end.
final class StartReport: Sendable {
    private struct Counts {
        var done = 0
        var started: [SagaID] = []
        var existing = 0
        var refused = 0
        var stuck = 0
        var unanswered = 0
        var progress: ProgressBar
    }
    private let counts: Mutex<Counts>
    private let isJSON: Bool
    private let isBatch: Bool

    init(isJSON: Bool, isBatch: Bool, total: Int) {
        self.isJSON = isJSON
        self.isBatch = isBatch
        counts = Mutex(Counts(progress: ProgressBar("starting", of: total)))
    }

    /// Sagas that exist now, new or not.
    var started: [SagaID] { counts.withLock { $0.started } }

    func refusedLine(_ problem: StartInputs.Problem) {
        counts.withLock { $0.refused += 1 }
        refuse(
            line: problem.line, code: problem.code.rawValue, path: "", saga: nil,
            text: "\(problem.file):\(problem.line):\(problem.column): error: \(problem.code): \(problem.message)")
    }

    func take(_ result: SkaldClient.Result, line: Int) {
        switch result {
        case .answered(let answer) where answer.kind == .refused: takeRefusal(answer, line: line)
        case .answered(let answer): takeAcceptance(answer, line: line)
        case .undeliverable(let reason):
            counts.withLock { $0.refused += 1 }
            refuse(line: line, code: "UNDELIVERABLE", path: "", saga: nil, text: "line \(line): \(reason)")
        case .unanswered: counts.withLock { $0.unanswered += 1 }
        }
        counts.withLock { counts in
            counts.done += 1
            if isBatch { counts.progress.show(counts.done) }
        }
    }

    private func takeAcceptance(_ answer: Answer, line: Int) {
        let isExisting = answer.body["existing"]?.bool == true
        counts.withLock { counts in
            if let id = answer.body["saga"]?.string.flatMap({ SagaID($0) }) { counts.started.append(id) }
            if isExisting { counts.existing += 1 }
        }
        if isJSON {
            var object = answer.body
            object["line"] = .number(JSONNumber(Int64(line)))
            Terminal.standardOutput.json(.object(object))
        } else if !isBatch {
            let id = answer.body["saga"]?.string ?? "?"
            let status = answer.body["status"]?.string ?? "?"
            Terminal.standardOutput.line(
                isExisting
                    ? "\(id) exists already: the same input was started before (\(status))" + successor(id, status)
                    : "\(id) started")
        }
    }

    /// How to try anew what was undone.
    private func successor(_ id: String, _ status: String) -> String {
        guard [SagaStatus.compensated, .abandoned].contains(where: { $0.rawValue == status }) else { return "" }
        return "; to try again: --again \(id)"
    }

    private func takeRefusal(_ answer: Answer, line: Int) {
        counts.withLock { $0.refused += 1 }
        let code = answer.body["code"]?.string ?? "REFUSED"
        let path = answer.body["path"]?.string ?? ""
        let saga = answer.body["saga"]?.string
        var text = (isBatch ? "line \(line): " : "") + answer.refusalText
        if let saga { text += " (saga \(saga))" }
        refuse(line: line, code: code, path: path, saga: saga, text: text)
    }

    private func refuse(line: Int, code: String, path: String, saga: String?, text: String) {
        if isJSON {
            var object: JSONObject = [
                "line": .number(JSONNumber(Int64(line))), "code": .string(code), "path": .string(path),
                "message": .string(text),
            ]
            if let saga { object["saga"] = .string(saga) }
            Terminal.standardOutput.json(.object(object))
        } else {
            counts.withLock { $0.progress.clear() }
            Terminal.standardError.line(text.escapedForTerminal)
        }
    }

    /// Waits until each saga has ended or needs an operator, and says how they ended.
    func waitForEnds(read: ((StoreView) throws -> [SagaEnd]) throws -> [SagaEnd]) async throws {
        var waiting = Set(started)
        let all = started
        var progress = ProgressBar("ending", of: max(all.count, 1))
        var ends: [SagaStatus: Int] = [:]
        while !waiting.isEmpty {
            for end in try read({ transaction in try waiting.compactMap { try SagaEnd($0, in: transaction) } }) {
                waiting.remove(end.id)
                ends[end.status, default: 0] += 1
                if isJSON {
                    Terminal.standardOutput.json(end.json)
                } else if all.count == 1 {
                    Terminal.standardOutput.line("\(end.id) \(end.status.rawValue)")
                }
            }
            progress.show(all.count - waiting.count)
            if !waiting.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
        }
        progress.clear()
        counts.withLock { $0.stuck = ends[.stuck] ?? 0 }
        guard all.count > 1, !isJSON else { return }
        let text = SagaStatus.allCases.compactMap { status in ends[status].map { "\($0) \(status.rawValue)" } }
        Terminal.standardOutput.line(text.joined(separator: ", "))
    }

    /// The last line, and the exit code: 1 if anything was refused or is stuck, 69 if no worker answered.
    func finish() throws {
        let counts = self.counts.withLock { $0 }
        if isBatch {
            counts.progress.clear()
            let new = counts.started.count - counts.existing
            let text = "\(new) started, \(counts.existing) existed already, \(counts.refused) refused"
            if !isJSON { Terminal.standardOutput.line(text) }
        }
        if counts.unanswered > 0 {
            throw CommandFailure(
                .unavailable,
                """
                \(counts.unanswered) not answered: the broker keeps them until a worker takes them \
                (skald worker); starting the same input again is safe
                """)
        }
        if counts.stuck > 0 {
            throw CommandFailure(.refused, "\(counts.stuck) stuck, waiting for an operator: skald list --status stuck")
        }
        if counts.refused > 0 { throw ExitCode(CommandFailure.Kind.refused.rawValue) }
    }
}

/// A saga that goes on no more by itself.
struct SagaEnd: Sendable {
    let id: SagaID
    let status: SagaStatus
    let json: JSONValue

    /// Nil while it is under way.
    init?(_ id: SagaID, in view: StoreView) throws {
        self.id = id
        if let summary = try view.summary(of: id) {
            guard summary.status.isTerminal || summary.status == .stuck else { return nil }
            (status, json) = (summary.status, summary.json)
        } else if let pruned = try view.pruned(id) {
            (status, json) = (pruned.status, pruned.json)
        } else {
            return nil
        }
    }
}
