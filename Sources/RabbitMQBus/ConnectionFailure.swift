import CRabbitMQ
import SagaBus

/// Why a connection can no longer be used.
struct ConnectionFailure: Error, Hashable {
    let error: BusError
    /// The broker's reply code, where it gave one.
    let replyCode: UInt16?

    init(_ code: BusError.Code, _ message: String, replyCode: UInt16? = nil) {
        error = BusError(code, message)
        self.replyCode = replyCode
    }

    /// Someone else has the queue to themselves; that may be our predecessor, whose end the broker has not noticed.
    var isQueueTaken: Bool {
        replyCode == UInt16(AMQP_RESOURCE_LOCKED)
            || (replyCode == UInt16(AMQP_ACCESS_REFUSED) && error.message.contains("exclusive use"))
    }

    /// Trying again may help.
    var isTemporary: Bool {
        switch error.code {
        case .connection, .timeout, .notFound: true
        case .accessRefused, .mismatch, .closed, .protocolViolation, .invalidAddress: false
        }
    }

    /// From a status of librabbitmq.
    init(status: Int32, _ what: String) {
        let reason = String(cString: amqp_error_string2(status))
        switch amqp_status_enum(rawValue: status) {
        case AMQP_STATUS_TIMEOUT:
            self.init(.timeout, "\(what): no answer in time.")
        case AMQP_STATUS_SOCKET_ERROR, AMQP_STATUS_CONNECTION_CLOSED:
            self.init(.connection, "\(what): refused, cut or closed by the other side.")
        case AMQP_STATUS_HEARTBEAT_TIMEOUT:
            self.init(.connection, "\(what): the broker has been silent for two heartbeats.")
        case AMQP_STATUS_BAD_AMQP_DATA, AMQP_STATUS_UNKNOWN_CLASS, AMQP_STATUS_UNKNOWN_METHOD,
            AMQP_STATUS_INCOMPATIBLE_AMQP_VERSION:
            // A broker that is going down may cut a frame short; coming back is harmless.
            self.init(.connection, "\(what): the other side does not speak AMQP 0-9-1 (\(reason)).")
        case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED, AMQP_STATUS_SSL_PEER_VERIFY_FAILED:
            self.init(.accessRefused, "\(what): the broker's certificate is not to be trusted (\(reason)).")
        case AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD:
            self.init(.accessRefused, "\(what): the broker does not take a password (SASL PLAIN).")
        default:
            self.init(.connection, "\(what): \(reason).")
        }
    }

    /// From the method with which the broker closed the connection or the channel.
    init(closedWith replyCode: UInt16, text: String, _ what: String) {
        let code: BusError.Code =
            switch Int32(replyCode) {
            case AMQP_ACCESS_REFUSED, AMQP_RESOURCE_LOCKED, AMQP_NOT_ALLOWED: .accessRefused
            case AMQP_NOT_FOUND: .notFound
            case AMQP_PRECONDITION_FAILED: .mismatch
            case AMQP_CONNECTION_FORCED, AMQP_INTERNAL_ERROR, AMQP_RESOURCE_ERROR: .connection
            default: .protocolViolation
            }
        self.init(code, "\(what): \(text) (\(replyCode)).", replyCode: replyCode)
    }

    /// From a reply, or nil if it is none of a failure.
    init?(_ reply: amqp_rpc_reply_t, _ what: String) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL:
            return nil
        case AMQP_RESPONSE_SERVER_EXCEPTION:
            self = Self.closing(reply.reply, what) ?? Self(.protocolViolation, "\(what): an answer out of turn.")
        default:
            let status = reply.library_error
            self.init(status: status == 0 ? AMQP_STATUS_CONNECTION_CLOSED.rawValue : status, what)
        }
    }

    /// From a method, if it closes the channel or the connection.
    static func closing(_ method: amqp_method_t, _ what: String) -> ConnectionFailure? {
        guard let decoded = method.decoded else { return nil }
        switch method.id {
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee
            return Self(closedWith: close.reply_code, text: String(close.reply_text), what)
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee
            return Self(closedWith: close.reply_code, text: String(close.reply_text), what)
        default:
            return nil
        }
    }
}
