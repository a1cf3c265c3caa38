import Foundation
import SagaParticipant
import Testing

@testable import OrderServices

@Suite("The services' pages say what the code does")
struct DocumentationTests {
    private static let catalogue = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/SagaCore/SagaCore.docc")

    private func page(_ service: OrderService) throws -> String {
        let name = service.rawValue.prefix(1).uppercased() + service.rawValue.dropFirst() + "Service.md"
        let text = try String(contentsOf: Self.catalogue.appending(path: name), encoding: .utf8)
        return Self.words(text)
    }

    private static func words(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    @Test("every query that checks an invariant is shown", arguments: OrderService.allCases)
    func queries(service: OrderService) throws {
        let page = try page(service)
        let checks = (service.audit.always + service.audit.atRest).filter { !$0.sql.contains("AS effect") }
        #expect(!checks.isEmpty)
        for check in checks { #expect(page.contains(Self.words(check.sql)), "\(check.name)") }
    }

    @Test("every command is explained", arguments: OrderService.allCases)
    func commands(service: OrderService) throws {
        let page = try page(service)
        for type in try service.open(directory: nil).participant.commandTypes {
            #expect(page.contains("| `\(type)` |"))
        }
    }

    @Test("every test card is explained")
    func cards() throws {
        let page = try page(.payment)
        for card in TestCard.allCases { #expect(page.contains("| `\(card.rawValue)` |")) }
    }
}
