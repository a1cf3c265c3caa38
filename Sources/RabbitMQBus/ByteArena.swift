import CRabbitMQ

/// Memory for the strings of one call into C: `amqp_cstring_bytes` of a Swift string would outlive its memory.
final class ByteArena {
    private static let chunkSize = 8 << 10
    private let chunk = UnsafeMutableRawPointer.allocate(byteCount: chunkSize, alignment: 16)
    private var used = 0
    private var large: [UnsafeMutableRawPointer] = []

    deinit {
        reset()
        chunk.deallocate()
    }

    /// Voids everything handed out so far.
    func reset() {
        used = 0
        for pointer in large { pointer.deallocate() }
        large.removeAll()
    }

    func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let rounded = (count + 15) & ~15
        guard used + rounded <= Self.chunkSize else {
            let pointer = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
            large.append(pointer)
            return pointer
        }
        defer { used += rounded }
        return chunk + used
    }

    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { source in
            guard let start = source.baseAddress, source.count > 0 else { return amqp_bytes_t(len: 0, bytes: nil) }
            let target = allocate(source.count)
            target.copyMemory(from: start, byteCount: source.count)
            return amqp_bytes_t(len: source.count, bytes: target)
        }
    }
}

extension amqp_bytes_t {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: len) }
}

extension String {
    /// A copy; bytes that are not UTF-8 become U+FFFD.
    init(_ bytes: amqp_bytes_t) { self.init(decoding: bytes.buffer, as: UTF8.self) }
}
