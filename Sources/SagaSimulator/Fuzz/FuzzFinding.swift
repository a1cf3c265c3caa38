/// Something that must not be, whatever was sent.
package struct FuzzFinding: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        /// A part of the system stopped by itself.
        case stopped
        /// A consumer answers no more, or comes to no rest.
        case wedged
        /// A message vanished: no answer, no reply, no dead letter.
        case lost
        /// A valid message was not handled as ever.
        case neighbour
        /// A fault of ours: `INTERNAL`, or an error in the log.
        case fault
        /// A refusal, dead letter or log line repeats what was sent.
        case echo
        /// Money and stock.
        case books
        /// What a message ought to have come to, by the library that reads it, is not what it came to.
        case verdict
    }
    package let kind: Kind
    package let detail: String
    /// The mutant it is about, where that is known.
    package let number: Int?

    init(_ kind: Kind, _ detail: String, number: Int? = nil) {
        self.kind = kind
        self.detail = detail
        self.number = number
    }

    package var description: String { "\(kind.rawValue): \(detail)" }
}

/// How often messages came to what, at each door.
package struct FuzzTally: Sendable, Hashable {
    package private(set) var counts: [String: Int] = [:]

    mutating func add(_ door: FuzzDoor, _ result: String) { counts["\(door.rawValue) \(result)", default: 0] += 1 }

    mutating func add(_ other: FuzzTally) { counts.merge(other.counts, uniquingKeysWith: +) }

    /// Sorted, each as `door result`.
    package var lines: [(name: String, count: Int)] {
        counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
