#if canImport(Glibc)
    import Glibc
#endif

/// Runs blocking work on a thread of its own, off the cooperative pool, and returns when it ends.
public func runOnDedicatedThread<Success: Sendable>(
    _ body: @escaping @Sendable () throws -> Success
) async throws -> Success {
    try await withCheckedThrowingContinuation { continuation in
        DedicatedThread.start { continuation.resume(with: Result { try body() }) }
    }
}

/// A detached thread with a large stack (8 MB), for blocking C.
public enum DedicatedThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }

    public static func start(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Start(body: body)).toOpaque())
        precondition(result == 0, "the system refuses another thread (error \(result))")
    }
}
