import Crypto
public import NIOCore
public import ParleyCore
public import ParleyModel
import Synchronization

/// Stands in for APNs: refuses what Apple refuses, with Apple's words, and misbehaves on demand. It has a key of its own, and
/// so plays the developer account, too.
public final class APNsStandIn: Sendable {
    public struct Configuration: Sendable {
        public var keyID = "ABC1234567"
        public var teamID = "TEAM123456"
        public var topics: Set<String> = ["org.example.chat"]
        public var maxConcurrentStreams = 1000
        /// How many requests are kept whole.
        public var keptRequests = 1000

        public init() {}
    }

    private struct State: Sendable {
        var plan = StandInPlan()
        var record: StandInRecord
        var gone: [String: Timestamp?] = [:]
        var tokens: ProviderTokenCheck
    }

    public let configuration: Configuration
    /// The .p8 file.
    public let keyPEM: String
    private let rules: APNsRules
    private let time: any TimeSource
    private let state: Mutex<State>
    private let server = Mutex<StandInServer?>(nil)

    public init(_ configuration: Configuration = Configuration(), time: any TimeSource = SystemTimeSource()) {
        self.configuration = configuration
        self.time = time
        let key = P256.Signing.PrivateKey()
        keyPEM = key.pemRepresentation
        rules = APNsRules(topics: configuration.topics)
        state = Mutex(
            State(
                record: StandInRecord(limit: configuration.keptRequests),
                tokens: ProviderTokenCheck(keyID: configuration.keyID, teamID: configuration.teamID, publicKey: key.publicKey)))
    }

    /// Begins to listen on a free port of 127.0.0.1.
    public func start(group: any EventLoopGroup) async throws {
        let started = try await StandInServer.start(
            group: group, maxConcurrentStreams: configuration.maxConcurrentStreams,
            onConnection: { self.state.withLock { $0.record.noteConnection() } },
            behave: { self.behaviour(for: $0, on: $1) })
        server.withLock { $0 = started }
    }

    public func close() async throws { try await server.withLock { $0.take() }?.close() }

    /// Scheme, host and port; empty before ``start(group:)``.
    public var url: String { server.withLock { $0?.url } ?? "" }
    /// The certificate that clients have to trust, as PEM.
    public var trustRoots: String { server.withLock { $0?.trustRoots } ?? "" }

    public var record: StandInRecord { state.withLock { $0.record } }

    // MARK: On demand

    public func misbehave(_ behaviour: StandInBehaviour, forNext count: Int) {
        state.withLock { $0.plan.add(behaviour, forNext: count) }
    }

    public func misbehave(_ behaviour: StandInBehaviour, forDevice token: String) {
        state.withLock { $0.plan.set(behaviour, forDevice: token) }
    }

    public func behave() { state.withLock { $0.plan.clear() } }

    /// From now on the device is answered 410; without a time, as older proxies do.
    public func unregister(_ token: String, since: Timestamp?) {
        state.withLock { $0.gone[token] = .some(since) }
    }

    /// An answer in Apple's form.
    public static func reply(_ status: Int, _ reason: String, retryAfter: String? = nil, timestamp: Timestamp? = nil) -> StandInReply {
        var json = JSONWriter()
        json.object { json in
            json.name("reason")
            json.string(reason)
            if let timestamp {
                json.name("timestamp")
                json.integer(timestamp.milliseconds)
            }
        }
        var fields = [(name: "content-type", value: "application/json")]
        if let retryAfter { fields.append(("retry-after", retryAfter)) }
        return StandInReply(status: status, fields: fields, body: json.bytes)
    }

    // MARK: A request

    private func behaviour(for request: StandInRequest, on connection: StandInConnection) -> StandInBehaviour {
        let now = time.now()
        return state.withLock { state in
            state.record.note(request)
            let id = request.field("apns-id") ?? UserID.random().description
            let refusal = rules.refusal(of: request) ?? state.tokens.refusal(of: request, on: connection, at: now)
            if let refusal {
                state.record.noteRefusal(refusal.reason)
                return .reply(Self.reply(refusal.status, refusal.reason).with("apns-id", id))
            }
            let device = APNsRules.deviceToken(in: request.path)
            if let planned = state.plan.take(device: device) { return planned }
            if let since = state.gone[device] {
                state.record.noteRefusal("Unregistered")
                return .reply(Self.reply(410, "Unregistered", timestamp: since).with("apns-id", id))
            }
            state.record.noteAccepted()
            return .reply(StandInReply(status: 200, fields: [("apns-id", id)]))
        }
    }
}

extension StandInReply {
    fileprivate func with(_ name: String, _ value: String) -> StandInReply {
        StandInReply(status: status, fields: fields + [(name, value)], body: body)
    }
}
