import CRabbitMQ

/// Why a connection could not do what was asked, as a sentence for the operator that begins with the engine's name and holds
/// no password. The connection is of no more use then.
struct RabbitMQFailure: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ sentence: String) {
        description = "rabbitmq: \(sentence)"
    }

    /// - Parameter action: What was tried, to follow "cannot".
    init(_ action: String, status: Int32) {
        self.init("cannot \(action): \(String(cString: amqp_error_string2(status)))")
    }

    /// From the reply to a call that was not answered as it should be.
    init(_ action: String, _ reply: amqp_rpc_reply_t) {
        switch reply.reply_type {
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: self.init(action, status: reply.library_error)
        case AMQP_RESPONSE_SERVER_EXCEPTION: self.init("cannot \(action): \(Self.reason(reply.reply))")
        default: self.init("cannot \(action): the broker closed the connection")
        }
    }

    /// What the broker says as it closes a channel or the connection, such as "NOT_ALLOWED - vhost nowhere not found".
    static func reason(_ method: amqp_method_t) -> String {
        guard let decoded = method.decoded else { return "the broker gave no reason" }
        switch method.id {
        case parley_connection_close:
            return decoded.assumingMemoryBound(to: amqp_connection_close_t.self).pointee.reply_text.text
        case parley_channel_close:
            return decoded.assumingMemoryBound(to: amqp_channel_close_t.self).pointee.reply_text.text
        default: return "an answer out of turn (method \(method.id))"
        }
    }

    /// The number with which the broker closed a channel (AMQP 0-9-1, "reply codes"); 404 for a queue that does not exist.
    static func channelCloseCode(_ reply: amqp_rpc_reply_t) -> Int? {
        guard reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION, reply.reply.id == parley_channel_close else { return nil }
        return reply.reply.decoded.map { Int($0.assumingMemoryBound(to: amqp_channel_close_t.self).pointee.reply_code) }
    }
}
