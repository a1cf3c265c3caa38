extension Ledger {
    /// I3 for the books, and I2.
    package static let audit = ServiceAudit(
        name: "ledger",
        figures: [
            (name: "journal entries", sql: "SELECT count(*) FROM journal_entry"),
            (name: "orders standing", sql: "SELECT count(*) FROM sale WHERE state IN ('settled', 'returning')"),
            (
                name: "revenue",
                sql: "SELECT sum(credit) - sum(debit) FROM journal_line WHERE account = 'revenue'"
            ),
        ],
        always: [
            AuditCheck(
                name: "every entry balances in each currency",
                sql: """
                    SELECT entry AS breach FROM journal_line GROUP BY entry, currency HAVING sum(debit) <> sum(credit)
                    """),
            AuditCheck(
                name: "every entry has lines and every line an entry",
                sql: """
                    SELECT id AS breach FROM journal_entry WHERE id NOT IN (SELECT entry FROM journal_line)
                    UNION ALL
                    SELECT entry FROM journal_line WHERE entry NOT IN (SELECT id FROM journal_entry)
                    """),
            AuditCheck(
                name: "the accounts hold what the orders say",
                sql: """
                    SELECT account || ' ' || currency AS breach FROM (
                        SELECT account, currency, debit - credit AS amount FROM journal_line
                        UNION ALL
                        SELECT 'receivable', currency, -amount FROM sale WHERE state = 'recorded'
                        UNION ALL
                        SELECT 'deferred-revenue', currency, amount FROM sale WHERE state = 'recorded'
                        UNION ALL
                        SELECT 'card-clearing', currency, -amount FROM sale WHERE state IN ('settled', 'returning')
                        UNION ALL
                        SELECT 'revenue', currency, amount FROM sale WHERE state IN ('settled', 'returning')
                    ) GROUP BY account, currency HAVING sum(amount) <> 0
                    """),
        ] + AuditCheck.oneEffectEach("ledger.record", "SELECT saga, step FROM sale")
            + AuditCheck.oneEffectEach(
                "ledger.reverse", "SELECT saga, step FROM journal_entry WHERE kind = 'reverse'")
            + AuditCheck.oneEffectEach(
                "ledger.settle", "SELECT saga, step FROM journal_entry WHERE kind = 'settle'")
            + AuditCheck.oneEffectEach(
                "ledger.reverse-sale", "SELECT saga, step FROM journal_entry WHERE kind = 'reverse-sale'"),
        atRest: [
            AuditCheck(
                name: "every order is settled or reversed",
                sql: "SELECT order_id AS breach, saga FROM sale WHERE state = 'recorded'"),
            AuditCheck(
                name: "no return is under way",
                sql: "SELECT order_id AS breach, return_saga AS saga FROM sale WHERE state = 'returning'"),
        ])
}
