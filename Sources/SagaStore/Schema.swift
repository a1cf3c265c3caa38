import DurableSQLite
import GRDB

/// The orchestrator's tables. Migrations are only ever appended.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("orchestrator 1", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: version1)
        }
        migrator.registerMigration("orchestrator 2", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: version2)
        }
        migrator.registerMigration("orchestrator 3", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: version3)
        }
        migrator.registerMigration("orchestrator 4", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: version4)
        }
        migrator.registerMigration("orchestrator 5", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: version5)
        }
        return migrator
    }

    private static let isStatus = check(
        "status", isOneOf: "running", "compensating", "stuck", "completed", "compensated", "abandoned")

    private static let version1 = """
        -- Facts about the file itself: transport, shard, whether it was closed in order.
        CREATE TABLE facts (
            name TEXT PRIMARY KEY NOT NULL,
            value TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- Every definition a saga was started with, by the hash of its content.
        CREATE TABLE definitions (
            hash TEXT PRIMARY KEY NOT NULL CHECK (length(hash) = 64),
            name TEXT NOT NULL,
            version INTEGER NOT NULL CHECK (version > 0),
            source TEXT NOT NULL,
            loaded_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX definitions_by_name ON definitions (name, version);

        -- One row a saga: an index over its history, for queries and timers.
        CREATE TABLE sagas (
            id INTEGER PRIMARY KEY NOT NULL,
            definition TEXT NOT NULL REFERENCES definitions (hash),
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            key TEXT NOT NULL,
            status TEXT NOT NULL
                CHECK \(isStatus),
            is_paused INTEGER NOT NULL CHECK (is_paused IN (0, 1)),
            steps TEXT NOT NULL,
            rollback TEXT,
            error_code TEXT,
            error_message TEXT,
            sequence INTEGER NOT NULL CHECK (sequence > 0),
            started_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            ended_at INTEGER,
            wake_at INTEGER,
            CHECK ((ended_at IS NOT NULL) = \(check("status", isOneOf: "completed", "compensated", "abandoned")))
        ) STRICT;
        CREATE INDEX sagas_open ON sagas (status) WHERE ended_at IS NULL;
        CREATE INDEX sagas_due ON sagas (wake_at) WHERE wake_at IS NOT NULL;

        -- Business keys are unique for ever; a row outlives its saga's history.
        CREATE TABLE keys (
            name TEXT NOT NULL,
            key TEXT NOT NULL,
            saga INTEGER NOT NULL UNIQUE,
            input_hash TEXT NOT NULL CHECK (length(input_hash) = 64),
            -- The saga this one was started again for.
            again INTEGER UNIQUE,
            PRIMARY KEY (name, key, saga)
        ) STRICT, WITHOUT ROWID;

        CREATE UNIQUE INDEX keys_first ON keys (name, key) WHERE again IS NULL;
        CREATE INDEX keys_by_key ON keys (key);

        -- One row for each saga and input: the events it caused, numbered through the saga.
        CREATE TABLE history (
            id INTEGER PRIMARY KEY NOT NULL,
            saga INTEGER NOT NULL REFERENCES sagas (id),
            first_sequence INTEGER NOT NULL CHECK (first_sequence > 0),
            at INTEGER NOT NULL,
            format INTEGER NOT NULL,
            events TEXT NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX history_by_saga ON history (saga, first_sequence);

        -- Committed with the state change that caused it, removed when the broker has confirmed.
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY NOT NULL,
            saga INTEGER,
            command TEXT,
            created_at INTEGER NOT NULL,
            exchange TEXT NOT NULL,
            routing_key TEXT NOT NULL,
            is_mandatory INTEGER NOT NULL CHECK (is_mandatory IN (0, 1)),
            properties TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT;

        -- Messages nobody could handle, with the reason.
        CREATE TABLE dead_letters (
            id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
            at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            saga INTEGER,
            exchange TEXT NOT NULL,
            routing_key TEXT NOT NULL,
            properties TEXT NOT NULL,
            body BLOB NOT NULL,
            settled_at INTEGER,
            settled_as TEXT CHECK (settled_as IN ('replayed', 'discarded')),
            CHECK ((settled_at IS NULL) = (settled_as IS NULL))
        ) STRICT;
        CREATE INDEX dead_letters_open ON dead_letters (id) WHERE settled_at IS NULL;

        -- Messages that were being handled alone when the worker died, and how often.
        CREATE TABLE suspects (
            fingerprint TEXT PRIMARY KEY NOT NULL,
            crashes INTEGER NOT NULL CHECK (crashes > 0)
        ) STRICT, WITHOUT ROWID;

        -- Answers to requests that concern no saga (dead letters), by the request's id.
        CREATE TABLE request_answers (
            id TEXT PRIMARY KEY NOT NULL,
            at INTEGER NOT NULL,
            answer TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    private static let version2 = """
        -- Who replayed or discarded a dead letter, and why.
        ALTER TABLE dead_letters ADD COLUMN settled_by TEXT;
        ALTER TABLE dead_letters ADD COLUMN settled_reason TEXT;
        """

    private static let version3 = """
        -- Participants that do not answer, whose commands are held back in the outbox.
        CREATE TABLE breakers (
            participant TEXT PRIMARY KEY NOT NULL,
            silent_since INTEGER NOT NULL,
            opened_at INTEGER NOT NULL,
            -- Commands let out since, none of them answered.
            probes INTEGER NOT NULL CHECK (probes >= 0),
            probed_at INTEGER,
            next_probe_at INTEGER NOT NULL,
            -- It answers again: how many commands may be out at a time.
            window INTEGER CHECK (window > 0)
        ) STRICT, WITHOUT ROWID;
        """

    private static let version4 = """
        -- As before, with one index in the order of the keys instead of four: keys come in no order, so that each index
        -- costs a page of its own for every start.
        CREATE TABLE ordered_keys (
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            -- The saga this one was started again for; 0 for the first, of which there is one.
            again INTEGER NOT NULL,
            saga INTEGER NOT NULL UNIQUE,
            input_hash TEXT NOT NULL CHECK (length(input_hash) = 64),
            PRIMARY KEY (key, name, again)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO ordered_keys (key, name, again, saga, input_hash)
            SELECT key, name, coalesce(again, 0), saga, input_hash FROM keys;
        DROP TABLE keys;
        ALTER TABLE ordered_keys RENAME TO keys;
        CREATE UNIQUE INDEX keys_started_again ON keys (again) WHERE again <> 0;
        """

    private static let version5 = """
        -- What is kept of a saga that has been pruned, beside its row in keys: in the order of the ids, as they go.
        CREATE TABLE pruned (
            id INTEGER PRIMARY KEY NOT NULL,
            status TEXT NOT NULL CHECK \(check("status", isOneOf: "completed", "compensated", "abandoned")),
            ended_at INTEGER NOT NULL,
            -- An operator said what became of a step, or passed over it: the services' books may say otherwise.
            is_settled_by_operator INTEGER NOT NULL CHECK (is_settled_by_operator IN (0, 1))
        ) STRICT;
        CREATE INDEX dead_letters_settled ON dead_letters (settled_at) WHERE settled_at IS NOT NULL;
        CREATE INDEX request_answers_by_time ON request_answers (at);
        """
}
