/// How long records are kept of what is over.
package enum Retention {
    /// Of a command, in its participant's barrier (rule 19), and therefore of a saga at least: until then something of it
    /// may still be on its way.
    package static let shortestMilliseconds: Int64 = 30 * 24 * 3_600_000
}
