import CRabbitMQ
import SagaBus
import Testing

@testable import RabbitMQBus

@Suite struct MessageCodingTests {
    /// What a header of this kind becomes.
    private func decoded(
        _ name: String, _ kind: amqp_field_value_kind_t,
        _ set: (inout amqp_field_value_t, ByteArena) -> Void = { _, _ in }
    ) -> [HeaderValue] {
        let arena = ByteArena()
        var entry = amqp_table_entry_t()
        entry.key = arena.bytes(name)
        entry.value.kind = UInt8(kind.rawValue)
        set(&entry.value, arena)
        var properties = amqp_basic_properties_t()
        properties._flags = amqp_flags_t(AMQP_BASIC_HEADERS_FLAG)
        return withUnsafeMutablePointer(to: &entry) { entries in
            properties.headers = amqp_table_t(num_entries: 1, entries: entries)
            return MessageDecoding.properties(properties).headers.map(\.value)
        }
    }

    static let otherKinds = [
        AMQP_FIELD_KIND_VOID, AMQP_FIELD_KIND_F32, AMQP_FIELD_KIND_F64, AMQP_FIELD_KIND_DECIMAL,
        AMQP_FIELD_KIND_TIMESTAMP, AMQP_FIELD_KIND_TABLE, AMQP_FIELD_KIND_ARRAY,
    ].map(\.rawValue)

    @Test("a header of Skald's own of a kind it does not use is known to have been there", arguments: otherKinds)
    func ownHeaders(kind: UInt32) {
        #expect(decoded("skald-version", amqp_field_value_kind_t(kind)) == [.unsupported])
    }

    @Test("a foreign header of such a kind is dropped: the broker may read it, and would refuse another type")
    func foreignHeaders() {
        #expect(decoded("CC", AMQP_FIELD_KIND_ARRAY).isEmpty)
    }

    @Test func bytesAreNoText() {
        let bytes = decoded("skald-again", AMQP_FIELD_KIND_BYTES) { $0.value.bytes = $1.bytes("0N7F030R00000") }
        #expect(bytes == [.unsupported])
    }

    @Test func textsAreUTF8() {
        let raw: [UInt8] = [0x41, 0xff]
        raw.withUnsafeBytes { raw in
            let text = decoded("skald-again", AMQP_FIELD_KIND_UTF8) { value, _ in
                value.value.bytes = amqp_bytes_t(
                    len: raw.count, bytes: UnsafeMutableRawPointer(mutating: raw.baseAddress))
            }
            #expect(text == [.unsupported])
        }
    }

    @Test func integersAreOf64Bits() {
        #expect(decoded("skald-attempt", AMQP_FIELD_KIND_U64) { field, _ in field.value.u64 = .max } == [.unsupported])
        #expect(decoded("skald-attempt", AMQP_FIELD_KIND_U64) { field, _ in field.value.u64 = 7 } == [.int(7)])
    }
}
