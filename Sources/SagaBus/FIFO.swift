/// First in, first out, in amortised constant time, with a look at any place.
package struct FIFO<Element> {
    private var storage: [Element?] = []
    /// How many at the beginning of `storage` have been taken.
    private var taken = 0

    package init() {}

    package var count: Int { storage.count - taken }
    package var isEmpty: Bool { taken == storage.count }
    package var first: Element? { isEmpty ? nil : storage[taken] }

    /// The element at a distance from the first, which must be less than ``count``.
    package subscript(offset: Int) -> Element {
        get {
            guard let element = storage[taken + offset] else { preconditionFailure("offset \(offset) has been taken") }
            return element
        }
        set { storage[taken + offset] = newValue }
    }

    package mutating func append(_ element: Element) { storage.append(element) }

    package mutating func append(contentsOf elements: some Sequence<Element>) {
        storage.append(contentsOf: elements.lazy.map { $0 })
    }

    package mutating func popFirst() -> Element? {
        guard taken < storage.count else { return nil }
        let element = storage[taken].take()
        taken += 1
        if taken == storage.count {
            storage.removeAll(keepingCapacity: taken <= 4096)
            taken = 0
        } else if taken >= 1024 && taken * 2 > storage.count {
            storage.removeFirst(taken)
            taken = 0
        }
        return element
    }

    /// Takes all, in order.
    package mutating func removeAll() -> [Element] {
        defer {
            storage = []
            taken = 0
        }
        return storage[taken...].compactMap { $0 }
    }
}

extension FIFO: Sendable where Element: Sendable {}
