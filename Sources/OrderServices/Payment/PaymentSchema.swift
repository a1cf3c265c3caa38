import DurableSQLite

/// The tables of payment: what the gateway has definitely said.
enum PaymentSchema {
    static let tables = """
        CREATE TABLE payment (
            authorization TEXT PRIMARY KEY,
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            order_id TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            state TEXT NOT NULL CHECK \(check("state", isOneOf: "authorized", "captured", "voided", "expired")),
            created_at INTEGER NOT NULL,
            UNIQUE (saga, step)
        ) STRICT;
        CREATE INDEX payment_by_order ON payment (order_id);

        CREATE TABLE capture (
            id TEXT PRIMARY KEY,
            authorization TEXT NOT NULL UNIQUE REFERENCES payment (authorization),
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            captured_at INTEGER NOT NULL,
            UNIQUE (saga, step)
        ) STRICT;

        CREATE TABLE refund (
            id TEXT PRIMARY KEY,
            capture TEXT NOT NULL REFERENCES capture (id),
            saga INTEGER NOT NULL,
            step TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            refunded_at INTEGER NOT NULL,
            UNIQUE (saga, step)
        ) STRICT;
        CREATE INDEX refund_by_capture ON refund (capture);

        CREATE TRIGGER capture_all_of_it BEFORE INSERT ON capture
        WHEN NEW.amount <> (SELECT amount FROM payment WHERE authorization = NEW.authorization)
        BEGIN SELECT RAISE(ABORT, 'a capture takes what was authorized'); END;
        CREATE TRIGGER refund_no_more BEFORE INSERT ON refund
        WHEN NEW.amount + (SELECT coalesce(sum(amount), 0) FROM refund WHERE capture = NEW.capture)
            > (SELECT amount FROM capture WHERE id = NEW.capture)
        BEGIN SELECT RAISE(ABORT, 'a refund gives back no more than was captured'); END;
        CREATE TRIGGER capture_stays BEFORE UPDATE ON capture
        BEGIN SELECT RAISE(ABORT, 'captures are final'); END;
        CREATE TRIGGER refund_stays BEFORE UPDATE ON refund
        BEGIN SELECT RAISE(ABORT, 'refunds are final'); END;
        """
}
