extension Payment {
    /// I3 for the customers' money as the payment service knows it, and I2.
    package static let audit = ServiceAudit(
        name: "payment",
        figures: [
            (name: "authorizations", sql: "SELECT count(*) FROM payment"),
            (name: "captured", sql: "SELECT sum(amount) FROM capture"),
            (name: "refunded", sql: "SELECT sum(amount) FROM refund"),
        ],
        always: [
            AuditCheck(
                name: "a payment is captured exactly when it has a capture",
                sql: """
                    SELECT payment.authorization AS breach FROM payment LEFT JOIN capture USING (authorization)
                    WHERE (state = 'captured') <> (capture.id IS NOT NULL)
                    """),
            AuditCheck(
                name: "what was captured is what was authorized",
                sql: """
                    SELECT capture.id AS breach FROM capture JOIN payment USING (authorization)
                    WHERE capture.amount <> payment.amount
                    """),
            AuditCheck(
                name: "no more is refunded than was captured",
                sql: """
                    SELECT capture.id AS breach FROM capture JOIN refund ON refund.capture = capture.id
                    GROUP BY capture.id HAVING sum(refund.amount) > capture.amount
                    """),
        ] + AuditCheck.oneEffectEach("payment.authorize", "SELECT saga, step FROM payment")
            + AuditCheck.oneEffectEach("payment.capture", "SELECT saga, step FROM capture")
            + AuditCheck.oneEffectEach("payment.refund", "SELECT saga, step FROM refund")
            + AuditCheck.oneEffectEach(
                "payment.void", "SELECT saga, step FROM payment WHERE state IN ('voided', 'expired')"),
        atRest: [
            AuditCheck(
                name: "every authorization is captured, voided or expired",
                sql: "SELECT authorization AS breach, saga FROM payment WHERE state = 'authorized'"),
            .noCallUnsettled,
        ])
}
