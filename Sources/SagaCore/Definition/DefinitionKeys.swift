/// The keys a definition may hold, in the order people write them.
package enum DefinitionKeys {
    package static let saga = ["saga", "version", "key", "deadline", "events", "steps"]
    package static let events = ["started", "completed", "compensated", "stuck", "abandoned"]
    package static let step = [
        "name", "kind", "after", "participant", "action", "compensation", "with", "timeout", "retry",
    ]
    package static let retry = ["attempts", "backoff", "max", "for", "jitter"]
}
