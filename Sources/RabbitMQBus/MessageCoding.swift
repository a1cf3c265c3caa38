import CRabbitMQ
import SagaBus

/// Messages as AMQP wants them, in memory that lives until the arena is reset.
enum MessageEncoding {
    static func properties(of message: Message, defaultUserID: String?, in arena: ByteArena) -> amqp_basic_properties_t
    {
        let properties = message.properties
        var encoded = amqp_basic_properties_t()
        encoded._flags = amqp_flags_t(AMQP_BASIC_DELIVERY_MODE_FLAG)
        encoded.delivery_mode = 2
        func set(_ field: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>, _ flag: Int32, _ value: String?) {
            guard let value else { return }
            encoded._flags |= amqp_flags_t(flag)
            encoded[keyPath: field] = arena.bytes(value)
        }
        set(\.content_type, AMQP_BASIC_CONTENT_TYPE_FLAG, properties.contentType)
        set(\.message_id, AMQP_BASIC_MESSAGE_ID_FLAG, properties.messageID)
        set(\.correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, properties.correlationID)
        set(\.type, AMQP_BASIC_TYPE_FLAG, properties.type)
        set(\.reply_to, AMQP_BASIC_REPLY_TO_FLAG, properties.replyTo)
        set(\.user_id, AMQP_BASIC_USER_ID_FLAG, properties.userID ?? defaultUserID)
        set(\.expiration, AMQP_BASIC_EXPIRATION_FLAG, properties.expirationMilliseconds.map { String(max(0, $0)) })
        if !properties.headers.isEmpty {
            encoded._flags |= amqp_flags_t(AMQP_BASIC_HEADERS_FLAG)
            encoded.headers = table(properties.headers, in: arena)
        }
        return encoded
    }

    static func table(_ entries: [(name: String, value: HeaderValue)], in arena: ByteArena) -> amqp_table_t {
        let memory = arena.allocate(entries.count * MemoryLayout<amqp_table_entry_t>.stride)
            .bindMemory(to: amqp_table_entry_t.self, capacity: entries.count)
        for (index, entry) in entries.enumerated() {
            var encoded = amqp_table_entry_t()
            encoded.key = arena.bytes(entry.name)
            switch entry.value {
            case .string(let text):
                encoded.value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
                encoded.value.value.bytes = arena.bytes(text)
            case .int(let number):
                encoded.value.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
                encoded.value.value.i64 = number
            case .bool(let flag):
                encoded.value.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
                encoded.value.value.boolean = flag ? 1 : 0
            case .unsupported:
                encoded.value.kind = UInt8(AMQP_FIELD_KIND_VOID.rawValue)
            }
            (memory + index).initialize(to: encoded)
        }
        return amqp_table_t(num_entries: Int32(entries.count), entries: memory)
    }
}

/// Copies what the library decoded, before its memory is used again.
enum MessageDecoding {
    static func properties(_ encoded: amqp_basic_properties_t) -> MessageProperties {
        func text(_ flag: Int32, _ bytes: amqp_bytes_t) -> String? {
            encoded._flags & amqp_flags_t(flag) == 0 ? nil : String(bytes)
        }
        return MessageProperties(
            contentType: text(AMQP_BASIC_CONTENT_TYPE_FLAG, encoded.content_type),
            messageID: text(AMQP_BASIC_MESSAGE_ID_FLAG, encoded.message_id),
            correlationID: text(AMQP_BASIC_CORRELATION_ID_FLAG, encoded.correlation_id),
            type: text(AMQP_BASIC_TYPE_FLAG, encoded.type), replyTo: text(AMQP_BASIC_REPLY_TO_FLAG, encoded.reply_to),
            userID: text(AMQP_BASIC_USER_ID_FLAG, encoded.user_id),
            expirationMilliseconds: text(AMQP_BASIC_EXPIRATION_FLAG, encoded.expiration).flatMap { Int64($0) },
            headers: encoded._flags & amqp_flags_t(AMQP_BASIC_HEADERS_FLAG) == 0 ? [] : headers(encoded.headers))
    }

    /// Foreign headers of other kinds are dropped, not sent on as something else: the broker reads some (`CC`) and
    /// closes the channel of a publisher that has their type wrong.
    private static func headers(_ table: amqp_table_t) -> [(name: String, value: HeaderValue)] {
        UnsafeBufferPointer(start: table.entries, count: Int(table.num_entries)).compactMap { entry in
            let name = String(entry.key)
            if let value = value(entry.value) { return (name, value) }
            return name.hasPrefix(SkaldNames.headerPrefix) ? (name, .unsupported) : nil
        }
    }

    private static func value(_ field: amqp_field_value_t) -> HeaderValue? {
        switch amqp_field_value_kind_t(UInt32(field.kind)) {
        case AMQP_FIELD_KIND_UTF8: String(validating: field.value.bytes.buffer, as: UTF8.self).map { .string($0) }
        case AMQP_FIELD_KIND_BOOLEAN: .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_I8: .int(Int64(field.value.i8))
        case AMQP_FIELD_KIND_U8: .int(Int64(field.value.u8))
        case AMQP_FIELD_KIND_I16: .int(Int64(field.value.i16))
        case AMQP_FIELD_KIND_U16: .int(Int64(field.value.u16))
        case AMQP_FIELD_KIND_I32: .int(Int64(field.value.i32))
        case AMQP_FIELD_KIND_U32: .int(Int64(field.value.u32))
        case AMQP_FIELD_KIND_I64: .int(field.value.i64)
        case AMQP_FIELD_KIND_U64: Int64(exactly: field.value.u64).map { .int($0) }
        default: nil
        }
    }
}
