import Foundation
import Testing

@Suite("Architecture.md says what the code is")
struct ArchitecturePageTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private let page: String
    private let targets: [String]

    init() throws {
        page = try Self.text("Sources/SagaCore/SagaCore.docc/Architecture.md")
        targets = try Self.text("Package.swift")
            .matches(of: /(?:[tT]arget|systemLibrary)\(\s*name: "(\w+)"/).map { String($0.output.1) }
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The words of the page in backticks, in order.
    private static func code(_ text: some StringProtocol) -> [String] {
        String(text).matches(of: /`([^`\n]+)`/).map { String($0.output.1) }
    }

    @Test("every target of Package.swift is on the page, every library in its table")
    func modules() throws {
        #expect(targets.count > 15, "Package.swift is written otherwise than this test reads it")
        let named = Set(Self.code(page))
        for target in targets { #expect(named.contains(target), "Architecture.md does not name \(target)") }
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: "Sources").path)
        for folder in folders { #expect(page.contains("\n| `\(folder)` |"), "the module table lacks \(folder)") }
    }

    @Test("every module imports only what its row of the table allows")
    func imports() throws {
        let toolchain: Set = ["Glibc", "Synchronization", "Dispatch"]
        for row in page.split(separator: "\n") where row.hasPrefix("| `") {
            let cells = row.split(separator: "|")
            guard cells.count == 4, let module = Self.code(cells[0]).first else { continue }
            let allowed = toolchain.union(Self.code(cells[2])).subtracting([module])
            for file in try #require(Self.files(under: "Sources/\(module)"), "\(module)") {
                for found in try Self.text(file).matches(of: /(?m)^\s*(?:package |public )?import (\w+)/) {
                    let name = String(found.output.1)
                    #expect(allowed.contains(name), "\(file) imports \(name), which Architecture.md does not allow")
                }
            }
        }
    }

    private static func files(under folder: String) -> [String]? {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path) else {
            return nil
        }
        return names.filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }
    }

    @Test("every path exists, and a file declares what a table names behind it")
    func paths() throws {
        var count = 0
        for line in page.split(separator: "\n") {
            var file: String?
            for word in Self.code(line) {
                if word.wholeMatch(of: /(Sources|Tests|scripts|sagas)\/.*/) != nil {
                    let exists = FileManager.default.fileExists(atPath: Self.root.appending(path: word).path)
                    #expect(exists, "Architecture.md names \(word)")
                    file = exists ? word : nil
                    count += 1
                } else if line.hasPrefix("| "), let file, let word = word.wholeMatch(of: /\w+/)?.output {
                    let declaration = try Regex("(func|var|class|INDEX) \(word)\\b")
                    #expect(try Self.text(file).contains(declaration), "\(file) has no \(word)")
                }
            }
        }
        #expect(count > 40)
    }

    @Test("every folder of the tree exists")
    func folders() {
        var parent = ""
        for found in page.matches(of: /(?m)^(    )?([\w.\/]+\/) +\w/) {
            let name = String(found.output.2)
            let path = found.output.1 == nil ? name : parent + name
            if found.output.1 == nil { parent = name }
            let exists = FileManager.default.fileExists(atPath: Self.root.appending(path: path).path)
            #expect(exists, "Architecture.md's tree has \(path)")
        }
        #expect(!parent.isEmpty)
    }

    @Test("every record is listed and has a number of its own, and those that pages refer to are there")
    func decisions() throws {
        let catalogue = Self.root.appending(path: "Sources/SagaCore/SagaCore.docc")
        let records = try FileManager.default.contentsOfDirectory(atPath: catalogue.appending(path: "Decisions").path)
        #expect(Set(records.map { $0.prefix(4) }).count == records.count)
        for record in records { #expect(page.contains("- <doc:\(record.dropLast(3))>"), "\(record) is not listed") }
        for path in try FileManager.default.subpathsOfDirectory(atPath: catalogue.path) where path.hasSuffix(".md") {
            let text = try String(contentsOf: catalogue.appending(path: path), encoding: .utf8)
            for found in text.matches(of: /<doc:(\d{4}-[\w-]+)>/) {
                #expect(records.contains("\(found.output.1).md"), "\(path) refers to \(found.output.1)")
            }
        }
    }
}
