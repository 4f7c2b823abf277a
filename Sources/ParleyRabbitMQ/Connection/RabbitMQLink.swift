import CRabbitMQ

/// An open connection to a broker with its two channels, for one thread, which it blocks. It is not repaired: after a
/// failure it is let go of, and whatever was not acknowledged on it goes back to its queue.
final class RabbitMQLink {
    /// For publishing with confirms, taking and acknowledging.
    static let work: amqp_channel_t = 1
    /// For counting: asking after a queue that does not exist closes a channel.
    static let counting: amqp_channel_t = 2

    let state: amqp_connection_state_t
    let configuration: RabbitMQConfiguration
    let newQueues: NewQueues
    /// Set by a failure: nothing more is to be asked of it.
    private(set) var isBroken = false
    /// While the broker accepts no messages because it lacks memory or disk: its word for which
    /// (https://www.rabbitmq.com/docs/connection-blocked).
    private(set) var blockedReason: String?
    /// Of the last message published on the work channel; the broker counts along from 1.
    var lastPublishTag: UInt64 = 0
    /// Queues declared on this connection.
    var declared: Set<String> = []

    /// Connects and logs in.
    init(_ configuration: RabbitMQConfiguration, newQueues: NewQueues) throws(RabbitMQFailure) {
        self.configuration = configuration
        self.newQueues = newQueues
        guard let state = amqp_new_connection() else { throw RabbitMQFailure("no memory for a connection") }
        self.state = state
        try connect()
        try logIn()
        try open(Self.work)
        _ = amqp_confirm_select(state, Self.work)
        try checkReply("have messages confirmed")
        try open(Self.counting)
    }

    private func connect() throws(RabbitMQFailure) {
        let url = configuration.url
        let socket = try url.authorities.map { (file) throws(RabbitMQFailure) in try encryptedSocket(file) } ?? amqp_tcp_socket_new(state)
        guard let socket else { throw failed(RabbitMQFailure("no memory for a socket")) }
        var timeout = timeval(seconds: configuration.connectTimeoutSeconds)
        let status = amqp_socket_open_noblock(socket, url.host, Int32(url.port), &timeout)
        guard status == 0 else { throw failed(RabbitMQFailure("connect to \(url.address)", status: status)) }
    }

    private func encryptedSocket(_ authorities: String) throws(RabbitMQFailure) -> OpaquePointer? {
        guard let socket = amqp_ssl_socket_new(state) else { return nil }
        amqp_ssl_socket_set_verify_peer(socket, 1)
        amqp_ssl_socket_set_verify_hostname(socket, 1)
        try check(amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST), "ask for TLS 1.2")
        try check(amqp_ssl_socket_set_cacert(socket, authorities), "read the certificates in \(authorities)")
        return socket
    }

    private func logIn() throws(RabbitMQFailure) {
        let url = configuration.url
        var login = timeval(seconds: configuration.loginTimeoutSeconds)
        var reply = timeval(seconds: configuration.replyTimeoutSeconds)
        amqp_set_handshake_timeout(state, &login)
        amqp_set_rpc_timeout(state, &reply)
        let heartbeat = Int32(configuration.heartbeatSeconds)
        let answer = parley_amqp_login(state, url.virtualHost, heartbeat, "parley", url.user, url.password)
        guard answer.reply_type == AMQP_RESPONSE_NORMAL else {
            throw failed(RabbitMQFailure("log in at \(url.address), virtual host \(url.virtualHost)", answer))
        }
    }

    func open(_ channel: amqp_channel_t) throws(RabbitMQFailure) {
        _ = amqp_channel_open(state, channel)
        try checkReply("open a channel")
    }

    deinit {
        var patience = timeval(seconds: 1)
        amqp_set_rpc_timeout(state, &patience)
        if !isBroken { _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS) }
        amqp_destroy_connection(state)
    }

    // MARK: Failing

    /// Marks the connection as broken.
    func failed(_ failure: RabbitMQFailure) -> RabbitMQFailure {
        isBroken = true
        return failure
    }

    /// Throws unless the last call was answered as it should be.
    func checkReply(_ action: String) throws(RabbitMQFailure) {
        let reply = amqp_get_rpc_reply(state)
        guard reply.reply_type == AMQP_RESPONSE_NORMAL else { throw failed(RabbitMQFailure(action, reply)) }
    }

    func check(_ status: Int32, _ action: String) throws(RabbitMQFailure) {
        guard status == 0 else { throw failed(RabbitMQFailure(action, status: status)) }
    }

    // MARK: Reading

    /// The next frame of a channel; nil when none comes in time. What concerns the connection as a whole is dealt with here.
    func nextFrame(until deadline: ContinuousClock.Instant) throws(RabbitMQFailure) -> amqp_frame_t? {
        while true {
            var frame = amqp_frame_t()
            var timeout = timeval(seconds: max(0, ContinuousClock.now.duration(to: deadline) / .seconds(1)))
            let status = amqp_simple_wait_frame_noblock(state, &frame, &timeout)
            if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
            try check(status, "hear from the broker")
            guard frame.frame_type == AMQP_FRAME_METHOD else { return frame }
            switch frame.payload.method.id {
            case parley_connection_blocked:
                let decoded = frame.payload.method.decoded?.assumingMemoryBound(to: amqp_connection_blocked_t.self)
                blockedReason = decoded?.pointee.reason.text ?? "no reason given"
            case parley_connection_unblocked:
                blockedReason = nil
            case parley_connection_close, parley_channel_close:
                throw failed(RabbitMQFailure("the broker closed the connection: \(RabbitMQFailure.reason(frame.payload.method))"))
            default: return frame
            }
        }
    }

    /// Reads what has come, without waiting; sends a heartbeat when one is due. This is how a dead connection is noticed.
    func poll() throws(RabbitMQFailure) {
        while try nextFrame(until: .now) != nil {}
        amqp_maybe_release_buffers(state)
    }

    /// By when the broker must have answered a call.
    var replyDeadline: ContinuousClock.Instant { .now + .seconds(configuration.replyTimeoutSeconds) }
}

extension timeval {
    init(seconds: Double) {
        let whole = seconds.rounded(.down)
        self.init(tv_sec: Int(whole), tv_usec: .init((seconds - whole) * 1_000_000))
    }
}
