import DurableSQLite

/// The tables of inventory.
///
/// `stock_change` is the truth and only grows. `stock` is its sum, kept by a trigger and refused below zero, which is
/// why nothing is ever oversold.
enum InventorySchema {
    private static let isKind = check(
        "kind", isOneOf: "SOFT_RESERVED", "HARD_RESERVED", "FULFILLED", "CANCELLED", "ORDERED", "RETURNED", "RECEIVED",
        "SHRINKAGE")

    static let tables = """
        CREATE TABLE stock (
            sku TEXT PRIMARY KEY CHECK (length(sku) > 0),
            available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
            soft_reserved INTEGER NOT NULL DEFAULT 0 CHECK (soft_reserved >= 0),
            hard_reserved INTEGER NOT NULL DEFAULT 0 CHECK (hard_reserved >= 0),
            fulfilled INTEGER NOT NULL DEFAULT 0 CHECK (fulfilled >= 0)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE reservation (
            id TEXT PRIMARY KEY,
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            order_id TEXT NOT NULL,
            state TEXT NOT NULL
                CHECK \(check("state", isOneOf: "soft", "hard", "fulfilled", "released", "expired", "returned")),
            created_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            UNIQUE (saga, step)
        ) STRICT;
        CREATE INDEX reservation_by_order ON reservation (order_id);
        CREATE INDEX reservation_expiring ON reservation (expires_at) WHERE state = 'soft';

        CREATE TABLE reservation_line (
            reservation TEXT NOT NULL REFERENCES reservation (id),
            sku TEXT NOT NULL REFERENCES stock (sku),
            quantity INTEGER NOT NULL CHECK (quantity > 0),
            PRIMARY KEY (reservation, sku)
        ) STRICT, WITHOUT ROWID;

        -- One row for each change of a count. `available` … `fulfilled` say by how much, in units of `quantity`.
        CREATE TABLE stock_change (
            id INTEGER PRIMARY KEY,
            sku TEXT NOT NULL REFERENCES stock (sku),
            kind TEXT NOT NULL CHECK \(isKind),
            quantity INTEGER NOT NULL CHECK (quantity > 0),
            available INTEGER NOT NULL CHECK (available BETWEEN -1 AND 1),
            soft_reserved INTEGER NOT NULL CHECK (soft_reserved BETWEEN -1 AND 1),
            hard_reserved INTEGER NOT NULL CHECK (hard_reserved BETWEEN -1 AND 1),
            fulfilled INTEGER NOT NULL CHECK (fulfilled BETWEEN -1 AND 1),
            reservation TEXT REFERENCES reservation (id),
            at INTEGER NOT NULL,
            CHECK (CASE kind
                WHEN 'RECEIVED' THEN available = 1 AND soft_reserved = 0 AND hard_reserved = 0 AND fulfilled = 0
                WHEN 'SHRINKAGE' THEN available = -1 AND soft_reserved = 0 AND hard_reserved = 0 AND fulfilled = 0
                WHEN 'ORDERED' THEN available = 0 AND soft_reserved = 0 AND hard_reserved = 0 AND fulfilled = 0
                WHEN 'SOFT_RESERVED' THEN available = -1 AND soft_reserved = 1 AND hard_reserved = 0 AND fulfilled = 0
                WHEN 'HARD_RESERVED' THEN available = 0 AND soft_reserved = -1 AND hard_reserved = 1 AND fulfilled = 0
                WHEN 'FULFILLED' THEN available = 0 AND soft_reserved = 0 AND hard_reserved = -1 AND fulfilled = 1
                WHEN 'CANCELLED' THEN available = 1 AND soft_reserved + hard_reserved = -1 AND fulfilled = 0
                WHEN 'RETURNED' THEN available = 1 AND soft_reserved = 0 AND hard_reserved + fulfilled = -1
            END),
            CHECK ((\(check("kind", isOneOf: "SOFT_RESERVED", "HARD_RESERVED", "FULFILLED", "CANCELLED", "RETURNED")))
                = (reservation IS NOT NULL))
        ) STRICT;
        CREATE INDEX stock_change_by_sku ON stock_change (sku);

        CREATE TRIGGER stock_change_counts AFTER INSERT ON stock_change
        BEGIN
            UPDATE stock SET
                available = available + NEW.quantity * NEW.available,
                soft_reserved = soft_reserved + NEW.quantity * NEW.soft_reserved,
                hard_reserved = hard_reserved + NEW.quantity * NEW.hard_reserved,
                fulfilled = fulfilled + NEW.quantity * NEW.fulfilled
            WHERE sku = NEW.sku;
        END;
        CREATE TRIGGER stock_change_stays BEFORE UPDATE ON stock_change
        BEGIN SELECT RAISE(ABORT, 'the log of stock changes only grows'); END;
        CREATE TRIGGER stock_change_remains BEFORE DELETE ON stock_change
        BEGIN SELECT RAISE(ABORT, 'the log of stock changes only grows'); END;

        -- What came in, so that the same delivery is counted once.
        CREATE TABLE receipt (
            sku TEXT NOT NULL REFERENCES stock (sku),
            delivery TEXT NOT NULL,
            quantity INTEGER NOT NULL CHECK (quantity >= 0),
            received_at INTEGER NOT NULL,
            PRIMARY KEY (sku, delivery)
        ) STRICT, WITHOUT ROWID;
        """
}
