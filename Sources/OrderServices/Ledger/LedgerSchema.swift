import DurableSQLite

/// The tables of the ledger.
///
/// The lines of an entry are written first, then the entry, which seals them: no entry without lines that balance in
/// each currency, no line without its entry when the transaction commits, and no change afterwards.
enum LedgerSchema {
    private static let isAccount = check(
        "account", isOneOf: "receivable", "deferred-revenue", "card-clearing", "revenue")
    private static let isState = check(
        "state", isOneOf: "recorded", "reversed", "settled", "returning", "returned")

    static let tables = """
        CREATE TABLE journal_entry (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL CHECK \(check("kind", isOneOf: "record", "reverse", "settle", "reverse-sale")),
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            order_id TEXT NOT NULL,
            at INTEGER NOT NULL,
            UNIQUE (saga, step, kind)
        ) STRICT;

        CREATE TABLE journal_line (
            entry INTEGER NOT NULL REFERENCES journal_entry (id) DEFERRABLE INITIALLY DEFERRED,
            position INTEGER NOT NULL CHECK (position > 0),
            account TEXT NOT NULL CHECK \(isAccount),
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            debit INTEGER NOT NULL CHECK (debit >= 0),
            credit INTEGER NOT NULL CHECK (credit >= 0),
            PRIMARY KEY (entry, position),
            CHECK ((debit = 0) <> (credit = 0))
        ) STRICT, WITHOUT ROWID;

        CREATE TRIGGER journal_entry_balances BEFORE INSERT ON journal_entry
        WHEN (SELECT count(*) FROM journal_line WHERE entry = NEW.id) < 2
            OR EXISTS (SELECT 1 FROM journal_line WHERE entry = NEW.id
                GROUP BY currency HAVING sum(debit) <> sum(credit))
        BEGIN SELECT RAISE(ABORT, 'debits and credits of an entry are equal'); END;
        CREATE TRIGGER journal_line_sealed BEFORE INSERT ON journal_line
        WHEN EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.entry)
        BEGIN SELECT RAISE(ABORT, 'an entry is never added to'); END;
        CREATE TRIGGER journal_entry_stays BEFORE UPDATE ON journal_entry
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
        CREATE TRIGGER journal_entry_remains BEFORE DELETE ON journal_entry
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
        CREATE TRIGGER journal_line_stays BEFORE UPDATE ON journal_line
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
        CREATE TRIGGER journal_line_remains BEFORE DELETE ON journal_line
        BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;

        -- One row for each order recorded; a second saga for the same order has a row of its own.
        CREATE TABLE sale (
            entry INTEGER PRIMARY KEY REFERENCES journal_entry (id),
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            order_id TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            state TEXT NOT NULL CHECK \(isState),
            capture TEXT,
            return_id TEXT UNIQUE,
            return_saga INTEGER,
            UNIQUE (saga, step),
            CHECK (NOT \(check("state", isOneOf: "settled", "returning", "returned")) OR capture IS NOT NULL),
            CHECK ((state IN ('returning', 'returned')) = (return_id IS NOT NULL)),
            CHECK ((return_id IS NULL) = (return_saga IS NULL))
        ) STRICT;
        CREATE INDEX sale_by_order ON sale (order_id);
        """
}
