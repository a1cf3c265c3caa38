/// Names of facts in the store.
package enum StoreFact {
    /// `yes` while a worker has the file open; still `yes` after a crash.
    package static let isOpen = "open"
    /// Which broker and virtual host, or `embedded`, the file belongs to.
    package static let transport = "transport"
    package static let shard = "shard"
    /// When sagas were last pruned: the newest line of a history may have gone with them.
    package static let prunedAt = "pruned"
}
