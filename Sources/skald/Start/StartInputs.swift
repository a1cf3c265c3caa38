import SagaCore

/// The inputs of a file, read strictly; lines that are no JSON object are problems, the others go on.
struct StartInputs {
    struct Line {
        let number: Int
        let json: JSONValue
    }
    struct Problem {
        let file: String
        let line: Int
        let column: Int
        let code: RefusalCode
        let message: String
    }
    private(set) var lines: [Line] = []
    private(set) var problems: [Problem] = []

    init(file: String, isBatch: Bool) throws {
        let bytes = try InputFile.bytes(at: file)
        let name = file == "-" ? "standard input" : file
        guard isBatch else {
            add(bytes, number: 1, file: name)
            return
        }
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
            if !isBlank { add(Array(line), number: number, file: name) }
        }
        guard !lines.isEmpty || !problems.isEmpty else { throw CommandFailure(.noInput, "\(name) holds no input") }
    }

    private mutating func add(_ bytes: [UInt8], number: Int, file: String) {
        do {
            let json = try JSONValue.parse(bytes)
            guard json.object != nil else {
                problems.append(
                    Problem(
                        file: file, line: number, column: 1, code: .fieldType, message: "expected a JSON object"))
                return
            }
            lines.append(Line(number: number, json: json))
        } catch {
            problems.append(
                Problem(
                    file: file, line: number + error.line - 1, column: error.column, code: error.code,
                    message: "expected \(error.expected)"))
        }
    }
}
