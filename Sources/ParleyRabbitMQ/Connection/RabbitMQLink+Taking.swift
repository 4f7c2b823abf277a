import CRabbitMQ

/// A message that was taken from a queue and is ours until it is acknowledged, given back, or the connection ends.
struct Delivery: Equatable, Sendable {
    /// Names it on its connection.
    var tag: UInt64 = 0
    /// It was in somebody's hands before.
    var isRedelivered = false
    /// How many more the queue held.
    var remaining = 0

    var contentType = ""
    var deliveryMode: UInt8 = 0
    var messageID = ""
    var headers: [String: AMQPValue] = [:]
    var body: [UInt8] = []
}

extension RabbitMQLink {
    /// Takes up to that many of the oldest messages. The first answer says how many there are more; those are asked for
    /// all at once, because a broker answers `basic.get` in order and each answer alone would cost a round trip.
    func take(_ limit: Int, from queue: RabbitMQQueue) throws(RabbitMQFailure) -> [Delivery] {
        guard limit > 0 else { return [] }
        var taken = try request(1, from: queue)
        while let remaining = taken.last?.remaining, remaining > 0, taken.count < limit {
            let count = min(limit - taken.count, remaining, configuration.maxPipelined)
            let more = try request(count, from: queue)
            taken += more
            if more.count < count { break }
        }
        return taken
    }

    private func request(_ count: Int, from queue: RabbitMQQueue) throws(RabbitMQFailure) -> [Delivery] {
        let status = withAMQPBytes(queue.name) { name in
            var get = amqp_basic_get_t(ticket: 0, queue: name, no_ack: 0)
            var status: Int32 = 0
            for _ in 0..<count where status == 0 { status = amqp_send_method(state, Self.work, parley_basic_get, &get) }
            return status
        }
        try check(status, "take messages from \(queue.name)")
        var taken: [Delivery] = []
        for _ in 0..<count {
            if let delivery = try answer(from: queue) { taken.append(delivery) }
        }
        return taken
    }

    /// Nil when the queue is empty.
    private func answer(from queue: RabbitMQQueue) throws(RabbitMQFailure) -> Delivery? {
        let deadline = replyDeadline
        while let frame = try nextFrame(until: deadline) {
            guard frame.frame_type == AMQP_FRAME_METHOD else { continue }
            switch frame.payload.method.id {
            case parley_basic_get_empty: return nil
            case parley_basic_get_ok:
                guard let ok = frame.payload.method.decoded?.assumingMemoryBound(to: amqp_basic_get_ok_t.self).pointee else { continue }
                var delivery = try content(until: deadline)
                delivery.tag = ok.delivery_tag
                delivery.isRedelivered = ok.redelivered != 0
                delivery.remaining = Int(ok.message_count)
                amqp_maybe_release_buffers_on_channel(state, Self.work)
                return delivery
            default: continue
            }
        }
        throw failed(RabbitMQFailure("no message from \(queue.name) within \(configuration.replyTimeoutSeconds) s"))
    }

    /// What follows a method that carries a message: its properties, and its body in pieces.
    func content(until deadline: ContinuousClock.Instant) throws(RabbitMQFailure) -> Delivery {
        guard let header = try nextFrame(until: deadline), header.frame_type == AMQP_FRAME_HEADER else {
            throw failed(RabbitMQFailure("the broker sent a message without its properties"))
        }
        let size = Int(header.payload.properties.body_size)
        var delivery = header.payload.properties.decoded.map { Delivery($0) } ?? Delivery()
        delivery.body.reserveCapacity(size)
        while delivery.body.count < size {
            guard let piece = try nextFrame(until: deadline), piece.frame_type == AMQP_FRAME_BODY else {
                throw failed(RabbitMQFailure("the broker sent a message without its body"))
            }
            delivery.body += piece.payload.body_fragment.buffer
        }
        return delivery
    }

    // MARK: Giving back

    /// The messages are done with.
    func acknowledge(_ tags: [UInt64], upTo first: UInt64? = nil) throws(RabbitMQFailure) {
        if let first { try check(amqp_basic_ack(state, Self.work, first, 1), "acknowledge messages") }
        for tag in tags { try check(amqp_basic_ack(state, Self.work, tag, 0), "acknowledge a message") }
    }

    /// The messages take their places in the queue again.
    func giveBack(_ tags: [UInt64]) throws(RabbitMQFailure) {
        for tag in tags { try check(amqp_basic_nack(state, Self.work, tag, 0, 1), "give a message back") }
    }

    /// All that were taken on this connection do.
    func giveBackAll() throws(RabbitMQFailure) {
        try check(amqp_basic_nack(state, Self.work, 0, 1, 1), "give messages back")
    }
}

extension Delivery {
    /// The properties that librabbitmq has decoded, of class "basic".
    fileprivate init(_ decoded: UnsafeMutableRawPointer) {
        let properties = decoded.assumingMemoryBound(to: amqp_basic_properties_t.self).pointee
        if properties._flags & parley_content_type_flag != 0 { contentType = properties.content_type.text }
        if properties._flags & parley_delivery_mode_flag != 0 { deliveryMode = properties.delivery_mode }
        if properties._flags & parley_message_id_flag != 0 { messageID = properties.message_id.text }
        if properties._flags & parley_headers_flag != 0 { headers = properties.headers.values }
    }
}
