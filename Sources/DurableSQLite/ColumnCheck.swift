/// For constraints: `column IN (words)`, spelled out.
///
/// SQLite builds a table of its own for a list of three words or more, each time a row is written: more work than the
/// row itself.
package func check(_ name: String, isOneOf words: String...) -> String {
    "(" + words.map { "\(name) = '\($0)'" }.joined(separator: " OR ") + ")"
}
