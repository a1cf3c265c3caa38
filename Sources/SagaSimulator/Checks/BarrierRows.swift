import DurableSQLite
import GRDB
import SagaCore

/// What a participant's barrier holds.
struct BarrierRows {
    struct Place: Hashable {
        let saga: SagaID
        let step: String
    }
    struct Row {
        let kind: CommandID.Kind
        /// 0 for a tombstone.
        let round: Int
        let state: String
        let result: String?
        let hadEffect: Bool
        let createdAt: Int64

        var code: String { result.flatMap { try? JSONValue.parse($0) }?["code"]?.string ?? "" }
    }
    private(set) var places: [Place: [Row]] = [:]

    init(_ db: Database) throws {
        let rows = try GRDB.Row.fetchCursor(
            db.cachedStatement(
                sql: "SELECT saga, step, kind, round, state, result, had_effect, created_at FROM barrier"))
        while let row = try rows.next() {
            guard let kind = CommandID.Kind(rawValue: row[2]) else { continue }
            places[Place(saga: SagaID(column: row[0]), step: row[1]), default: []].append(
                Row(
                    kind: kind, round: row[3], state: row[4], result: row[5], hadEffect: row[6], createdAt: row[7]))
        }
    }

    func rows(_ place: Place, _ kind: CommandID.Kind) -> [Row] { (places[place] ?? []).filter { $0.kind == kind } }

    func isClosed(_ place: Place, _ kind: CommandID.Kind) -> Bool {
        rows(place, kind).contains { $0.round == 0 }
    }

    func success(_ place: Place, _ kind: CommandID.Kind) -> Row? {
        rows(place, kind).first { $0.state == "succeeded" }
    }

    func tookEffect(_ place: Place, _ kind: CommandID.Kind) -> Bool { success(place, kind)?.hadEffect == true }

    static func storedCall(for command: CommandID, _ db: Database) throws -> StoredCall? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT call_key, call_parameters FROM barrier
                WHERE saga = ? AND step = ? AND kind = ? AND round = ? AND state = 'started'
                """)
        let row = try GRDB.Row.fetchOne(
            statement, arguments: [command.saga.column, command.step, command.kind.rawValue, command.round])
        return row.map { StoredCall(key: $0[0], parameters: $0[1]) }
    }
}
