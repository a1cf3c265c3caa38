/// Finds files of the repository from where this file was compiled.
enum Repository {
    static func path(_ path: String) -> String {
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/") + "/" + path
    }
}
