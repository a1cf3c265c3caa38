import DurableSQLite
import GRDB

extension Barrier {
    /// The barrier's table. What must never happen is refused by the schema itself: two effects of one step, two calls
    /// in the air, a final outcome that changes.
    ///
    /// Round 0 is the tombstone: it closes the action or the compensation in all rounds.
    public static let schema = """
        CREATE TABLE barrier (
            saga INTEGER NOT NULL,
            step TEXT NOT NULL CHECK (length(step) BETWEEN 1 AND 64),
            kind TEXT NOT NULL CHECK (kind IN ('action', 'compensation')),
            round INTEGER NOT NULL CHECK (round >= 0),
            state TEXT NOT NULL CHECK \(check("state", isOneOf: "started", "succeeded", "failed", "closed")),
            type TEXT,
            result TEXT,
            had_effect INTEGER NOT NULL DEFAULT 0 CHECK (had_effect IN (0, 1)),
            call_key TEXT,
            call_parameters TEXT,
            input TEXT,
            created_at INTEGER NOT NULL,
            changed_at INTEGER NOT NULL,
            PRIMARY KEY (saga, step, kind, round),
            CHECK ((state = 'closed') = (round = 0)),
            CHECK ((state = 'closed') = (type IS NULL)),
            CHECK ((state IN ('succeeded', 'failed')) = (result IS NOT NULL)),
            CHECK (state <> 'started'
                OR (call_key IS NOT NULL AND call_parameters IS NOT NULL AND input IS NOT NULL)),
            CHECK (had_effect = 0 OR state = 'succeeded')
        ) STRICT, WITHOUT ROWID;

        CREATE UNIQUE INDEX barrier_succeeds_once ON barrier (saga, step, kind) WHERE state = 'succeeded';
        CREATE UNIQUE INDEX barrier_starts_once ON barrier (saga, step) WHERE state = 'started';

        CREATE TRIGGER barrier_final BEFORE UPDATE ON barrier WHEN OLD.state <> 'started'
        BEGIN
            SELECT RAISE(ABORT, 'a final outcome never changes');
        END;

        -- Rows of sagas begun before this time (milliseconds since 1970) may have been pruned.
        CREATE TABLE barrier_horizon (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            time INTEGER NOT NULL
        ) STRICT;
        INSERT INTO barrier_horizon (id, time) VALUES (1, 0);
        """
}
