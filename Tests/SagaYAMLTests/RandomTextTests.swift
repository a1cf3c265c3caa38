import SagaCore
import Testing
import Yams

@testable import SagaYAML

@Suite("Random texts")
struct RandomTextTests {
    private static let pieces = [
        "&a ", "*a", "- ", "? ", ": ", "a", "b: ", "\n", "\n  ", "\n    ", " ", "\"", "'", "|\n", ">-\n", "[", "]", "{",
        "}", ",", "#", " #", "x y", "---\n", "...\n", "%", "\\", "a: ", "\n      ", "|2\n", ":", "?", "-", "\t",
    ]

    /// The screen has its own idea of where a token begins; here it is held against that of libyaml.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theScreenFindsAnAnchorWhereYamsFindsOne(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var composed = 0
        for _ in 0..<5_000 {
            let text = (0..<Int.random(in: 3...14, using: &random))
                .map { _ in Self.pieces[Int.random(in: Self.pieces.indices, using: &random)] }.joined()
            guard let parser = try? Parser(yaml: text, encoding: .utf8), let root = try? parser.singleRoot() else {
                continue
            }
            composed += 1
            let found = YAMLScreen.problems(in: try SourceText(Array(text.utf8))).contains { $0.code == .anchor }
            let expected = withExtendedLifetime(parser) { Self.hasAnchor(root) }
            #expect(found == expected, "\(text.debugDescription)")
        }
        #expect(composed > 500)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aDamagedDefinitionIsReadOrRefusedInsideTheFile(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let whole = try DefinitionFile.load(path: Repository.path("sagas/place-order.yaml")).get().source.prettyText
        for _ in 0..<50 {
            var scalars = Array(whole.unicodeScalars)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let start = Int.random(in: scalars.indices, using: &random)
                let end = min(scalars.count, start + Int.random(in: 0...8, using: &random))
                let piece = Self.pieces[Int.random(in: Self.pieces.indices, using: &random)]
                scalars.replaceSubrange(start..<end, with: piece.unicodeScalars)
            }
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            guard case .failure(let refused) = DefinitionFile.parse(String(view), file: "s.yaml") else { continue }
            let lines = view.count { $0 == "\n" } + 1
            #expect(!refused.problems.isEmpty)
            #expect(refused.problems.allSatisfy { (1...lines).contains($0.line) && $0.column >= 1 }, "\(refused)")
        }
    }

    private static func hasAnchor(_ node: Node) -> Bool {
        if node.anchor != nil { return true }
        return switch node {
        case .scalar: false
        case .mapping(let mapping): mapping.contains { hasAnchor($0.key) || hasAnchor($0.value) }
        case .sequence(let sequence): sequence.contains(where: hasAnchor)
        case .alias: true
        }
    }
}
