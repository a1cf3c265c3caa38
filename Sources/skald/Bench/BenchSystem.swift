import OrderServices
import SagaBus
import SagaCore
import SagaYAML

/// What is measured: who moves three commands and three replies between a start and an event.
enum BenchSystem: String, CaseIterable, Sendable {
    case bare, worker
    /// The worker on a file with many finished sagas.
    case filled
    case services, refused
    /// The worker with a second participant that does not answer until it is told to.
    case open

    /// Those that can be asked for by name.
    static let choosable: [BenchSystem] = [.bare, .worker, .services, .refused]

    /// The definition its sagas are started with.
    var definition: String {
        switch self {
        case .bare: BenchDefinitions.bare
        case .worker, .filled: BenchDefinitions.echo
        case .open: BenchDefinitions.open
        case .services, .refused: BenchDefinitions.order
        }
    }

    /// Every fifth order is refused at the last step.
    func refuses(_ number: Int) -> Bool { self == .refused && number % 5 == 4 }

    /// The process that moves the sagas on.
    var orchestrator: BenchProcess { self == .bare ? .relay : .worker }

    var participants: [BenchProcess] {
        switch self {
        case .bare, .worker, .filled: [.echo(1), .echo(2), .echo(3)]
        case .open: [.echo(1), .echo(BenchDefinitions.late), .echo(3)]
        case .services, .refused: [.service(.inventory), .service(.ledger), .service(.payment)]
        }
    }
}

enum BenchDefinitions {
    static let bare = "bench-bare"
    static let echo = "bench-echo"
    static let open = "bench-open"
    static let order = "bench-order"
    static let completed = "BENCH_COMPLETED"
    static let compensated = "BENCH_COMPENSATED"

    static let files = ["\(echo).yaml": echoSource, "\(open).yaml": openSource, "\(order).yaml": orderSource]

    /// One of ``files``, by the name of its saga.
    static func definition(_ name: String) throws -> SagaDefinition {
        let file = "\(name).yaml"
        return try DefinitionFile.parse(files[file] ?? "", file: file).get()
    }

    private static let echoSource = source(of: echo, second: 2)

    /// The number of the participant that does not answer at first.
    static let late = 4

    /// Its second participant may take its time: nothing is sent twice and nothing held back meanwhile.
    private static let openSource = source(of: open, second: late, timeout: "1h")

    private static func source(of saga: String, second: Int, timeout: String = "30s") -> String {
        let steps = [("first", 1), ("second", second), ("third", 3)].map { name, participant in
            """
              - name: \(name)
                participant: echo-\(participant)
                action: echo.do
                compensation: echo.undo
                timeout: \(timeout)
                with: { order: "${input}" }

            """
        }
        return """
            saga: \(saga)
            version: 1
            key: ${input.orderId}
            events: { completed: \(completed), compensated: \(compensated) }
            steps:
            \(steps.joined())
            """
    }

    private static let orderSource = """
        saga: \(order)
        version: 1
        key: ${input.orderId}
        events: { completed: \(completed), compensated: \(compensated) }
        steps:
          - name: reserve-stock
            participant: inventory
            action: inventory.reserve
            compensation: inventory.release
            with: { orderId: "${input.orderId}", lines: "${input.lines}" }
          - name: record-order
            participant: ledger
            action: ledger.record
            compensation: ledger.reverse
            with: { orderId: "${input.orderId}", amount: "${input.total}", currency: "${input.currency}" }
          - name: authorize-payment
            participant: payment
            action: payment.authorize
            compensation: payment.void
            with: { orderId: "${input.orderId}", amount: "${input.total}", currency: "${input.currency}", method: "${input.paymentMethod}" }
        """

    static let stock = (11...12).map { #"{"sku":"\#($0)","onHand":1000000000}"# }.joined(separator: "\n")

    /// About 300 bytes, as an order of two lines is.
    static func order(_ key: String, isRefused: Bool) -> [UInt8] {
        Array(
            """
            {"orderId":"\(key)","customerId":"C1","currency":"EUR","total":5400,"lines":[\
            {"sku":"11","quantity":2,"unitPrice":2000,"discount":0},\
            {"sku":"12","quantity":1,"unitPrice":1400,"discount":0}],\
            "paymentMethod":{"type":"card","token":"\(isRefused ? "tok_declined" : "tok_visa")"}}
            """.utf8)
    }

    /// The business key an event speaks of, found without reading the whole of it.
    static func subject(of body: [UInt8]) -> String? {
        let mark = Array(#""subject":""#.utf8)
        guard body.count > mark.count else { return nil }
        var start = 0
        while start + mark.count < body.count {
            if body[start] == mark[0], body[start..<start + mark.count].elementsEqual(mark) { break }
            start += 1
        }
        let text = body.dropFirst(start + mark.count).prefix { $0 != UInt8(ascii: "\"") }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}
