/// The members of a JSON object in the order they were written, each key once.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    public private(set) var members: [(key: String, value: JSONValue)]

    public init() {
        members = []
    }

    /// An object with these members; of members with the same key the last value holds, in the place of the first.
    public init(_ members: [(String, JSONValue)]) {
        self.members = []
        self.members.reserveCapacity(members.count)
        var seen = JSONKeySet()
        for (key, value) in members {
            if seen.insert(key, among: self.members) {
                self.members.append((key, value))
            } else {
                self[key] = value
            }
        }
    }

    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self.init(members)
    }

    /// An object of members whose keys are known to differ.
    init(distinct members: [(key: String, value: JSONValue)]) {
        self.members = members
    }

    public var keys: [String] { members.map(\.key) }
    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    /// The member `key`. Setting a new key appends it, setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get {
            for member in members where member.key.hasSameBytes(as: key) { return member.value }
            return nil
        }
        set {
            let index = members.firstIndex { $0.key.hasSameBytes(as: key) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((key, value))
            case (nil, nil): break
            }
        }
    }
}

extension JSONObject: Hashable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { $0.key.hasSameBytes(as: $1.key) && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for member in members {
            member.key.hashBytes(into: &hasher)
            hasher.combine(member.value)
        }
    }
}

/// The keys an object has so far: small objects are searched, large ones hashed.
struct JSONKeySet {
    private struct Key: Hashable {
        let text: String

        static func == (left: Key, right: Key) -> Bool { left.text.hasSameBytes(as: right.text) }
        func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
    }

    private static let searchedCount = 12
    private var hashed: Set<Key> = []

    /// Adds `key`, which comes after `members`; false where one of them has it already.
    mutating func insert(_ key: String, among members: [(key: String, value: JSONValue)]) -> Bool {
        if members.count < Self.searchedCount {
            for member in members where member.key.hasSameBytes(as: key) { return false }
            return true
        }
        if hashed.isEmpty {
            for member in members { hashed.insert(Key(text: member.key)) }
        }
        return hashed.insert(Key(text: key)).inserted
    }
}
