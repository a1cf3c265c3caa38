/// How much JSON the parser accepts.
public struct JSONLimits: Sendable, Hashable {
    public var maxBytes: Int
    /// How many arrays and objects may be open at once.
    public var maxDepth: Int

    public init(maxBytes: Int, maxDepth: Int) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
    }

    /// A message body: 256 KiB, 32 levels.
    public static let message = JSONLimits(maxBytes: 256 * 1024, maxDepth: 32)

    /// A document of our own that wraps message bodies: 64 MiB, 48 levels.
    public static let stored = JSONLimits(maxBytes: 64 * 1024 * 1024, maxDepth: 48)
}
