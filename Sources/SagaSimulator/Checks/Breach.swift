/// A rule that has been broken, by its name in the pages: "rule 9", "I1".
struct Breach: Error, CustomStringConvertible {
    let description: String

    init(_ rule: String, _ what: String) { description = "\(rule): \(what)" }
}
