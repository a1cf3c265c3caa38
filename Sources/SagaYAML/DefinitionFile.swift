import Glibc
import SagaCore

/// Reads saga definitions from YAML files.
package enum DefinitionFile {
    /// The definition in the file at `path`, or all that is wrong with it.
    package static func load(path: String) -> Result<SagaDefinition, SourceProblems> {
        do throws(YAMLProblem) {
            return parse(try contents(ofFile: path), file: path)
        } catch {
            return .failure(SourceProblems(problems: [error.inFile(path)]))
        }
    }

    /// The definition in `text`, or all that is wrong with it; `file` is the name that problems give.
    package static func parse(_ text: String, file: String) -> Result<SagaDefinition, SourceProblems> {
        parse(Array(text.utf8), file: file)
    }

    /// The definition in `bytes`, or all that is wrong with it; `file` is the name that problems give.
    package static func parse(_ bytes: [UInt8], file: String) -> Result<SagaDefinition, SourceProblems> {
        let document: YAMLDocument
        do throws(YAMLProblem) {
            let text = try SourceText(bytes)
            let refused = YAMLScreen.problems(in: text)
            guard refused.isEmpty else {
                return .failure(SourceProblems(problems: refused.map { $0.inFile(file) }))
            }
            document = try YAMLDocument(text)
        } catch {
            return .failure(SourceProblems(problems: [error.inFile(file)]))
        }

        let (source, yamlProblems, problemPaths) = document.json()
        let (definition, lintProblems) = DefinitionReader.read(source)
        var problems = yamlProblems.map { $0.inFile(file) }
        for problem in lintProblems where !problemPaths.contains(problem.path) {
            problems.append(sourceProblem(problem, in: document, file: file))
        }
        if let definition, problems.isEmpty {
            guard source.encoded.count <= JSONLimits.message.maxBytes else {
                let problem = YAMLProblem(.size, at: nil, "the definition is larger than 256 KiB as JSON")
                return .failure(SourceProblems(problems: [problem.inFile(file)]))
            }
            return .success(definition)
        }
        let sorted = problems.enumerated().sorted { left, right in
            (left.element.line, left.element.column, left.offset)
                < (right.element.line, right.element.column, right.offset)
        }
        return .failure(SourceProblems(problems: sorted.map(\.element)))
    }

    private static func sourceProblem(
        _ problem: DefinitionProblem, in document: YAMLDocument, file: String
    ) -> SourceProblem {
        var (message, hint) = (problem.message, problem.hint)
        if let plain = document.plainScalar(at: problem.path) {
            if plain.isEmpty, problem.place == .value {
                hint = "nothing is written here; an empty value is null in YAML"
            } else if problem.code == .string, let type = YAMLReader.resolvedType(ofPlain: plain) {
                message = "YAML reads `\(plain)` as \(type): quote it"
                hint = "write \"\(plain)\"; \(problem.message)"
            }
        }
        return SourceProblem(
            file: file, position: document.position(of: problem.path, place: problem.place),
            code: problem.code.rawValue, message: message, hint: hint)
    }

    static func contents(ofFile path: String) throws(YAMLProblem) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable() }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw YAMLProblem(.file, at: nil, "this is no file", hint: "name one definition file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= SourceText.maxBytes {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw unreadable() }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    private static func unreadable() -> YAMLProblem {
        YAMLProblem(.file, at: nil, "the file cannot be read: \(String(cString: strerror(errno)))")
    }
}
