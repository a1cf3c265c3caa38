extension Inventory {
    /// I3 for stock, and I2.
    package static let audit = ServiceAudit(
        name: "inventory",
        figures: [
            (
                name: "units received",
                sql: "SELECT sum(quantity * available) FROM stock_change WHERE reservation IS NULL"
            ),
            (name: "units available", sql: "SELECT sum(available) FROM stock"),
            (name: "units reserved", sql: "SELECT sum(soft_reserved) FROM stock"),
            (name: "units sold", sql: "SELECT sum(hard_reserved + fulfilled) FROM stock"),
        ],
        always: [
            AuditCheck(
                name: "counts are the sums of the log",
                sql: """
                    SELECT stock.sku AS breach FROM stock LEFT JOIN (
                        SELECT sku, sum(quantity * available) AS available, sum(quantity * soft_reserved) AS soft,
                            sum(quantity * hard_reserved) AS hard, sum(quantity * fulfilled) AS fulfilled
                        FROM stock_change GROUP BY sku) AS log USING (sku)
                    WHERE stock.available <> coalesce(log.available, 0)
                        OR stock.soft_reserved <> coalesce(log.soft, 0)
                        OR stock.hard_reserved <> coalesce(log.hard, 0)
                        OR stock.fulfilled <> coalesce(log.fulfilled, 0)
                    """),
            AuditCheck(
                name: "available + reserved + sold = what came in less what was lost",
                sql: """
                    SELECT stock.sku AS breach FROM stock LEFT JOIN (
                        SELECT sku, sum(CASE kind WHEN 'RECEIVED' THEN quantity WHEN 'SHRINKAGE' THEN -quantity
                            ELSE 0 END) AS total FROM stock_change GROUP BY sku) AS log USING (sku)
                    WHERE available + soft_reserved + hard_reserved + fulfilled <> coalesce(total, 0)
                    """),
            AuditCheck(
                name: "nothing is negative",
                sql: """
                    SELECT sku AS breach FROM stock
                    WHERE available < 0 OR soft_reserved < 0 OR hard_reserved < 0 OR fulfilled < 0
                    """),
            AuditCheck(
                name: "what is reserved and sold is what the reservations hold",
                sql: """
                    SELECT stock.sku AS breach FROM stock LEFT JOIN (
                        SELECT sku, sum(CASE state WHEN 'soft' THEN quantity ELSE 0 END) AS soft,
                            sum(CASE state WHEN 'hard' THEN quantity ELSE 0 END) AS hard,
                            sum(CASE state WHEN 'fulfilled' THEN quantity ELSE 0 END) AS fulfilled
                        FROM reservation_line JOIN reservation ON reservation.id = reservation GROUP BY sku
                    ) AS held USING (sku)
                    WHERE soft_reserved <> coalesce(soft, 0) OR hard_reserved <> coalesce(hard, 0)
                        OR stock.fulfilled <> coalesce(held.fulfilled, 0)
                    """),
            AuditCheck(
                name: "stock is sold, shipped and returned once",
                sql: """
                    SELECT reservation || ' ' || sku || ' ' || kind AS breach FROM stock_change
                    WHERE kind IN ('HARD_RESERVED', 'FULFILLED', 'RETURNED')
                    GROUP BY reservation, sku, kind HAVING count(*) > 1
                    """),
        ] + AuditCheck.oneEffectEach("inventory.reserve", "SELECT saga, step FROM reservation"),
        atRest: [
            AuditCheck(
                name: "every reservation is sold or given back",
                sql: "SELECT id AS breach, saga FROM reservation WHERE state = 'soft'"),
            .noCallUnsettled,
        ])
}
