/// The sagas of `sagas/`, so that `skald chaos` needs no other file. They differ in their patience only: a step waits
/// five seconds, so that what is frozen or cut off is asked again while it is.
enum ChaosDefinitions {
    static let files = ["place-order.yaml": placeOrder, "cancel-order.yaml": cancelOrder]

    static let placeOrder = """
        saga: place-order
        version: 1
        key: ${input.orderId}
        deadline: 15m
        events:
          started: ORDER_CREATED
          completed: ORDER_CONFIRMED
          compensated: ORDER_CANCELLED
        steps:
          - name: reserve-stock
            participant: inventory
            action: inventory.reserve
            compensation: inventory.release
            with: { orderId: "${input.orderId}", lines: "${input.lines}" }
            timeout: 5s
            retry: { attempts: 5, backoff: 200ms, max: 2s }
          - name: authorize-payment
            participant: payment
            action: payment.authorize
            compensation: payment.void
            with: { orderId: "${input.orderId}", amount: "${input.total}", currency: "${input.currency}", method: "${input.paymentMethod}" }
            timeout: 5s
            retry: { attempts: 5, backoff: 200ms, max: 2s }
          - name: record-order
            after: [authorize-payment]
            participant: ledger
            action: ledger.record
            compensation: ledger.reverse
            with: { orderId: "${input.orderId}", amount: "${input.total}", currency: "${input.currency}" }
            timeout: 5s
            retry: { attempts: 5, backoff: 200ms, max: 2s }
          - name: commit-stock
            after: [authorize-payment]
            participant: inventory
            action: inventory.commit
            compensation: inventory.uncommit
            with: { reservation: "${steps.reserve-stock.reservation}" }
            timeout: 5s
            retry: { attempts: 5, backoff: 200ms, max: 2s }
          - name: capture-payment
            kind: pivot
            after: [record-order, commit-stock]
            participant: payment
            action: payment.capture
            with: { authorization: "${steps.authorize-payment.authorization}" }
            timeout: 5s
            retry: { backoff: 200ms, max: 2s }
          - name: settle-order
            kind: retriable
            participant: ledger
            action: ledger.settle
            with: { entry: "${steps.record-order.entry}", capture: "${steps.capture-payment.capture}" }
            timeout: 5s
            retry: { backoff: 200ms, max: 2s }
        """

    static let cancelOrder = """
        saga: cancel-order
        version: 1
        key: ${input.orderId}
        deadline: 15m
        events:
          started: ORDER_RETURN_STARTED
          completed: ORDER_REFUNDED
          compensated: ORDER_RETURN_CANCELLED
        steps:
          - name: begin-return
            participant: ledger
            action: ledger.begin-return
            compensation: ledger.cancel-return
            with: { orderId: "${input.orderId}" }
            timeout: 5s
            retry: { attempts: 5, backoff: 200ms, max: 2s }
          - name: refund-payment
            kind: pivot
            participant: payment
            action: payment.refund
            with: { orderId: "${input.orderId}", return: "${steps.begin-return.return}", capture: "${steps.begin-return.capture}", amount: "${steps.begin-return.amount}", currency: "${steps.begin-return.currency}" }
            timeout: 5s
            retry: { backoff: 200ms, max: 2s }
          - name: reverse-sale
            kind: retriable
            after: [refund-payment]
            participant: ledger
            action: ledger.reverse-sale
            with: { orderId: "${input.orderId}", return: "${steps.begin-return.return}" }
            timeout: 5s
            retry: { backoff: 200ms, max: 2s }
          - name: restock
            kind: retriable
            after: [refund-payment]
            participant: inventory
            action: inventory.restock
            with: { orderId: "${input.orderId}", saga: "${steps.begin-return.saga}" }
            timeout: 5s
            retry: { backoff: 200ms, max: 2s }
        """
}
