import Foundation

/// What a command reads: a file or standard input, with one clear line when it cannot be.
enum InputFile {
    static func bytes(at path: String) throws -> [UInt8] {
        if path == "-" { return [UInt8](try FileHandle.standardInput.readToEnd() ?? Data()) }
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw CommandFailure(.noInput, "no such file: \(path)")
        }
        guard !isDirectory.boolValue else { throw CommandFailure(.noInput, "\(path) is a directory, not a file") }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(.noInput, "\(path) cannot be read")
        }
        guard !data.isEmpty else { throw CommandFailure(.noInput, "\(path) is empty") }
        return [UInt8](data)
    }

    static func text(at path: String) throws -> String {
        guard let text = String(validating: try bytes(at: path), as: UTF8.self) else {
            throw CommandFailure(.noInput, "\(path) is not UTF-8")
        }
        return text
    }
}
