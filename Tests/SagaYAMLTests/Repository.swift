/// Finds files of the repository from where this file was compiled.
enum Repository {
    static func path(_ path: String) -> String {
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return root.joined(separator: "/") + "/" + path
    }
}
