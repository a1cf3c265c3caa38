import Glibc
import SagaCore

/// A directory that goes when this value goes.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/skald-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw Refusal(code: .internal, message: "cannot make a temporary directory")
        }
        path = String(cString: made)
    }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(path)/\(name)")
            }
            closedir(directory)
        }
        rmdir(path)
    }
}
