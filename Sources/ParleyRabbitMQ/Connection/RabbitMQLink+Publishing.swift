import CRabbitMQ

/// A message on its way to a queue of the default exchange.
struct OutgoingMessage: Equatable, Sendable {
    let queue: RabbitMQQueue
    let messageID: String
    let body: [UInt8]
    let headers: [(name: String, value: AMQPValue)]

    static func == (left: Self, right: Self) -> Bool {
        left.queue == right.queue && left.messageID == right.messageID && left.body == right.body
            && left.headers.elementsEqual(right.headers) { $0.name == $1.name && $0.value == $1.value }
    }
}

extension RabbitMQLink {
    /// Sends the messages without waiting, each to be confirmed.
    func send(_ messages: ArraySlice<OutgoingMessage>) throws(RabbitMQFailure) -> ConfirmLedger {
        let ledger = ConfirmLedger(first: lastPublishTag + 1, count: messages.count)
        for message in messages {
            try check(publish(message), "publish to \(message.queue.name)")
            lastPublishTag += 1
        }
        return ledger
    }

    private func publish(_ message: OutgoingMessage) -> Int32 {
        withAMQPTable(message.headers) { headers in
            withAMQPBytes("application/json") { contentType in
                withAMQPBytes(message.messageID) { messageID in
                    var properties = amqp_basic_properties_t()
                    properties._flags =
                        parley_content_type_flag | parley_delivery_mode_flag | parley_headers_flag | parley_message_id_flag
                    properties.content_type = contentType
                    properties.delivery_mode = UInt8(AMQP_DELIVERY_PERSISTENT.rawValue)
                    properties.headers = headers
                    properties.message_id = messageID
                    return publish(message, &properties)
                }
            }
        }
    }

    private func publish(_ message: OutgoingMessage, _ properties: inout amqp_basic_properties_t) -> Int32 {
        withAMQPBytes(message.queue.name) { queue in
            message.body.withUnsafeBytes { body in
                let bytes = amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
                let defaultExchange = amqp_bytes_t(len: 0, bytes: nil)
                return amqp_basic_publish(state, Self.work, defaultExchange, queue, 1, 0, &properties, bytes)
            }
        }
    }

    /// Waits until the broker has said of each what became of it.
    func settle(_ ledger: inout ConfirmLedger) throws(RabbitMQFailure) {
        let deadline = ContinuousClock.now + .seconds(configuration.confirmTimeoutSeconds)
        while !ledger.isComplete {
            guard let frame = try nextFrame(until: deadline) else {
                throw unconfirmed(ledger.open)
            }
            guard frame.frame_type == AMQP_FRAME_METHOD, let decoded = frame.payload.method.decoded else { continue }
            switch frame.payload.method.id {
            case parley_basic_ack:
                let ack = decoded.assumingMemoryBound(to: amqp_basic_ack_t.self).pointee
                ledger.settle(ack.delivery_tag, multiple: ack.multiple != 0, isRefused: false)
            case parley_basic_nack:
                let nack = decoded.assumingMemoryBound(to: amqp_basic_nack_t.self).pointee
                ledger.settle(nack.delivery_tag, multiple: nack.multiple != 0, isRefused: true)
            case parley_basic_return:
                ledger.returned += 1
                _ = try content(until: deadline)
            default: break
            }
        }
        amqp_maybe_release_buffers(state)
    }

    /// A broker that is short of memory or disk reads no further for now, and has what we sent still before it: the
    /// connection is kept then, because publishing the same on another would only make more copies.
    private func unconfirmed(_ count: Int) -> RabbitMQFailure {
        let wait = "\(count) messages were not confirmed within \(configuration.confirmTimeoutSeconds) s"
        if let blockedReason { return RabbitMQFailure("\(wait): the broker accepts none for now (\(blockedReason))") }
        return failed(RabbitMQFailure(wait))
    }
}
