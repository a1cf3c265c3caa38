/// A set of steps of one definition, held as the bits of one word.
///
/// A definition has at most 64 steps; an index outside 0..<64 is never a member.
package struct StepSet: SetAlgebra, Sequence, Sendable, Hashable {
    package typealias Element = Int

    /// How many steps a definition may have.
    package static let capacity = 64

    package private(set) var bits: UInt64

    package init() {
        bits = 0
    }

    package init(bits: UInt64) {
        self.bits = bits
    }

    /// All steps before `end`, for a definition of `end` steps all of them.
    package init(below end: Int) {
        precondition((0...Self.capacity).contains(end))
        bits = end == Self.capacity ? .max : (1 << UInt64(end)) - 1
    }

    package var isEmpty: Bool { bits == 0 }
    package var count: Int { bits.nonzeroBitCount }
    package var first: Int? { isEmpty ? nil : bits.trailingZeroBitCount }

    package func contains(_ step: Int) -> Bool {
        (0..<Self.capacity).contains(step) && bits & (1 << UInt64(step)) != 0
    }

    package func isSubset(of other: StepSet) -> Bool {
        bits & ~other.bits == 0
    }

    package func union(_ other: StepSet) -> StepSet {
        StepSet(bits: bits | other.bits)
    }

    package func intersection(_ other: StepSet) -> StepSet {
        StepSet(bits: bits & other.bits)
    }

    package func symmetricDifference(_ other: StepSet) -> StepSet {
        StepSet(bits: bits ^ other.bits)
    }

    package func subtracting(_ other: StepSet) -> StepSet {
        StepSet(bits: bits & ~other.bits)
    }

    package mutating func formUnion(_ other: StepSet) {
        bits |= other.bits
    }

    package mutating func formIntersection(_ other: StepSet) {
        bits &= other.bits
    }

    package mutating func formSymmetricDifference(_ other: StepSet) {
        bits ^= other.bits
    }

    @discardableResult
    package mutating func insert(_ step: Int) -> (inserted: Bool, memberAfterInsert: Int) {
        precondition((0..<Self.capacity).contains(step), "a definition has at most 64 steps")
        let inserted = !contains(step)
        bits |= 1 << UInt64(step)
        return (inserted, step)
    }

    @discardableResult
    package mutating func remove(_ step: Int) -> Int? {
        guard contains(step) else { return nil }
        bits &= ~(1 << UInt64(step))
        return step
    }

    @discardableResult
    package mutating func update(with step: Int) -> Int? {
        insert(step).inserted ? nil : step
    }

    /// The steps in ascending order, which is the order of the file.
    package func makeIterator() -> Iterator {
        Iterator(bits: bits)
    }

    package struct Iterator: IteratorProtocol {
        private var bits: UInt64

        fileprivate init(bits: UInt64) {
            self.bits = bits
        }

        package mutating func next() -> Int? {
            guard bits != 0 else { return nil }
            defer { bits &= bits - 1 }
            return bits.trailingZeroBitCount
        }
    }
}
