import CHiredis
import Foundation
import ParleyCore
import ParleyEngines

/// One connection, which blocks: it is made, used and let go of on one thread.
///
/// It connects when it is first used, and again when it was lost, each failure after a longer pause. Errors name the engine
/// and the server's address, and nothing that was sent.
final class RedisConnection {
    /// Commands, and their bytes, that are sent before their replies are read. Beyond that neither side's buffers would
    /// win anything.
    private static let maxPipelined = 1000
    private static let maxPipelinedBytes = 256 * 1024

    private let configuration: RedisConfiguration
    private let name: String
    private var context: UnsafeMutablePointer<redisContext>?
    private var backoff = Backoff(longest: 1)
    /// Before that time it is no use to connect.
    private(set) var retryAt = ContinuousClock.now
    /// How often it was connected.
    private(set) var connects = 0
    private var heardAt = ContinuousClock.now
    private var timedOut = false

    /// - Parameter name: What the server lists the connection as (`CLIENT LIST`).
    init(_ configuration: RedisConfiguration, name: String) {
        self.configuration = configuration
        self.name = name
    }

    deinit { close() }

    var isConnected: Bool { context != nil }

    /// For poll(2); -1 while not connected.
    var fileDescriptor: Int32 { context?.pointee.fd ?? -1 }

    func close() {
        if let context { redisFree(context) }
        context = nil
    }

    /// How long nothing has come from the server.
    var secondsOfSilence: Double { (.now - heardAt) / .seconds(1) }

    // MARK: Connecting

    /// Connects and logs in, unless that is so already.
    func connect() throws(StoreError) {
        guard context == nil else { return }
        do throws(StoreError) {
            try open()
            try greet()
            backoff.reset()
            heardAt = .now
            connects += 1
        } catch {
            close()
            retryAt = .now + .seconds(backoff.next())
            throw error
        }
    }

    private func open() throws(StoreError) {
        Self.blockBrokenPipeSignals()
        let (host, port) = (configuration.url.host, Int32(configuration.url.port))
        guard let context = redisConnectWithTimeout(host, port, timeval(seconds: configuration.connectSeconds)) else {
            throw .unavailable("redis: no memory for a connection")
        }
        self.context = context
        guard context.pointee.err == 0 else { throw failure("cannot connect to") }
        guard redisSetTimeout(context, timeval(seconds: configuration.commandSeconds)) == REDIS_OK else {
            throw failure("cannot set a time limit for")
        }
        redisEnableKeepAlive(context)
    }

    private func greet() throws(StoreError) {
        let url = configuration.url
        if let password = url.password {
            let login = RedisCommand(["AUTH"] + (url.user.map { [$0] } ?? []) + [password])
            if case .error(let sentence) = try exchange([login])[0] {
                // The first word only: what a server says of a login is not for logs.
                throw .unavailable("redis: \(url.address) refuses the user or password (\(sentence.prefix { $0 != " " }))")
            }
        }
        // Servers that hide CLIENT from us serve us all the same.
        _ = try exchange([RedisCommand("CLIENT", "SETNAME", name)])
        if url.database != 0 { _ = try exchange([RedisCommand("SELECT", String(url.database))])[0].checked() }
        _ = try exchange([RedisCommand("PING")])[0].checked()
    }

    /// hiredis 0.14 writes with write(2): a connection that the server has closed would end the process. Where the signal is
    /// blocked, the write fails with EPIPE instead.
    private static func blockBrokenPipeSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    // MARK: Asking

    /// Sends the commands in few flushes and returns their replies in order. A connection that was found closed is made anew, once,
    /// and everything is sent again: only for commands that can be repeated.
    func run(_ commands: [RedisCommand]) throws(StoreError) -> [RedisReply] {
        let wasConnected = isConnected
        try connect()
        do {
            return try exchange(commands)
        } catch .unavailable where wasConnected && !timedOut {
            try connect()
            return try exchange(commands)
        } catch {
            throw error
        }
    }

    /// An error that concerns the connection closes it.
    private func exchange(_ commands: [RedisCommand]) throws(StoreError) -> [RedisReply] {
        var replies: [RedisReply] = []
        replies.reserveCapacity(commands.count)
        var (sent, bytes) = (0, 0)
        for command in commands {
            try append(command)
            sent += 1
            bytes += command.bytes.count
            if sent - replies.count == Self.maxPipelined || bytes >= Self.maxPipelinedBytes {
                try readReplies(upTo: sent, &replies)
                bytes = 0
            }
        }
        try readReplies(upTo: sent, &replies)
        if replies.contains(where: \.asksToReconnect) { close() }
        return replies
    }

    private func readReplies(upTo count: Int, _ replies: inout [RedisReply]) throws(StoreError) {
        while replies.count < count {
            var reply: UnsafeMutableRawPointer?
            guard redisGetReply(context, &reply) == REDIS_OK, let reply else { throw lost() }
            replies.append(Self.take(reply))
        }
    }

    private static func take(_ reply: UnsafeMutableRawPointer) -> RedisReply {
        defer { freeReplyObject(reply) }
        return RedisReply(reply.assumingMemoryBound(to: redisReply.self))
    }

    // MARK: Sending without asking, for subscriptions

    /// Puts the command in the output buffer.
    func append(_ command: RedisCommand) throws(StoreError) {
        guard let context else { throw .unavailable("redis: not connected") }
        let result = command.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: command.lengths.count) { parameters in
                // A command has a name, so there are bytes.
                var next = bytes.baseAddress!
                for (place, length) in command.lengths.enumerated() {
                    parameters.initializeElement(at: place, to: next.assumingMemoryBound(to: CChar.self))
                    next += length
                }
                return redisAppendCommandArgv(context, Int32(command.lengths.count), parameters.baseAddress, command.lengths)
            }
        }
        guard result == REDIS_OK else { throw lost() }
    }

    /// Sends what was appended.
    func flush() throws(StoreError) {
        var done: Int32 = 0
        while done == 0 {
            guard redisBufferWrite(context, &done) == REDIS_OK else { throw lost() }
        }
    }

    /// Reads once, and returns the replies that are whole now. For when poll(2) says that there is something to read.
    func readAvailable() throws(StoreError) -> [RedisReply] {
        guard redisBufferRead(context) == REDIS_OK else { throw lost() }
        heardAt = .now
        var replies: [RedisReply] = []
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisGetReplyFromReader(context, &reply) == REDIS_OK else { throw lost() }
            guard let reply else { return replies }
            replies.append(Self.take(reply))
        }
    }

    // MARK: Failing

    private func lost() -> StoreError {
        let error = failure("lost the connection to")
        close()
        return error
    }

    private func failure(_ what: String) -> StoreError {
        guard var error = context?.pointee else { return .unavailable("redis: not connected") }
        timedOut = error.err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ETIMEDOUT)
        let reason = withUnsafeBytes(of: &error.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let sentence = timedOut ? "no answer in time" : reason
        return .unavailable("redis: \(what) \(configuration.url.address): \(sentence)")
    }
}

extension timeval {
    fileprivate init(seconds: Double) {
        self.init(tv_sec: .init(seconds), tv_usec: .init((seconds - seconds.rounded(.down)) * 1_000_000))
    }
}
