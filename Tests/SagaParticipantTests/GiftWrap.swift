import GRDB
import SagaCore
import SagaParticipant

let giftWrap = Participant(
    name: "gift-wrap",
    migrations: [
        .init("1") { db in
            try db.execute(sql: "CREATE TABLE parcel (saga TEXT PRIMARY KEY, paper TEXT NOT NULL) STRICT")
        }
    ],
    handlers: [
        .action("gift-wrap.wrap") { db, command in
            guard let paper = command.input["paper"]?.string else {
                return .failed(code: "PAPER_MISSING", message: "which paper?")
            }
            let saga = command.id.saga.description
            try db.execute(sql: "INSERT INTO parcel VALUES (?, ?)", arguments: [saga, paper])
            return .succeeded(["parcel": .string(saga)])
        },
        .compensation("gift-wrap.unwrap") { db, command in
            try db.execute(sql: "DELETE FROM parcel WHERE saga = ?", arguments: [command.id.saga.description])
            return .succeeded([:])
        },
    ])
