import CryptoExtras
public import NIOCore
public import ParleyCore
import ParleyModel
import Synchronization

/// Stands in for FCM HTTP v1 and for the place that gives out its access tokens: refuses what Google refuses, with Google's
/// words, and misbehaves on demand. It has a service account of its own.
public final class FCMStandIn: Sendable {
    public struct Configuration: Sendable {
        public var projectID = "parley-stand-in"
        public var email = "push@parley-stand-in.iam.gserviceaccount.com"
        public var keyID = "0123456789abcdef0123456789abcdef01234567"
        /// How long an access token is good for.
        public var accessSeconds = 3599.0
        public var maxConcurrentStreams = 100
        /// How many requests are kept whole.
        public var keptRequests = 1000

        public init() {}
    }

    /// Which of its two doors.
    public enum Door: Sendable {
        case messages
        case tokens
    }

    private struct State: Sendable {
        var plans: [Door: StandInPlan] = [:]
        var messages: StandInRecord
        var tokens: StandInRecord
        var gone: Set<String> = []
        /// Access tokens and their ends.
        var access: [String: Timestamp] = [:]
        var given = 0
        var messageNumber = 0
    }

    /// One for the whole process: making one takes a while.
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    public let configuration: Configuration
    private let time: any TimeSource
    private let state: Mutex<State>
    private let server = Mutex<StandInServer?>(nil)

    public init(_ configuration: Configuration = Configuration(), time: any TimeSource = SystemTimeSource()) {
        self.configuration = configuration
        self.time = time
        let record = StandInRecord(limit: configuration.keptRequests)
        state = Mutex(State(messages: record, tokens: record))
    }

    /// Begins to listen on a free port of 127.0.0.1.
    public func start(group: any EventLoopGroup) async throws {
        let started = try await StandInServer.start(
            group: group, maxConcurrentStreams: configuration.maxConcurrentStreams,
            onConnection: { self.state.withLock { $0.messages.noteConnection() } },
            behave: { request, _ in self.behaviour(for: request) })
        server.withLock { $0 = started }
    }

    public func close() async throws { try await server.withLock { $0.take() }?.close() }

    /// Scheme, host and port; empty before ``start(group:)``.
    public var url: String { server.withLock { $0?.url } ?? "" }
    /// The certificate that clients have to trust, as PEM.
    public var trustRoots: String { server.withLock { $0?.trustRoots } ?? "" }
    private var tokenURL: String { url + "/token" }

    /// The service account's JSON file; its `token_uri` is this server.
    public func serviceAccount() throws -> String {
        let pem = try Self.key.get().pkcs8PEMRepresentation
        var json = JSONWriter()
        json.object { json in
            for (name, value) in [
                ("type", "service_account"), ("project_id", configuration.projectID), ("private_key_id", configuration.keyID),
                ("private_key", pem), ("client_email", configuration.email), ("token_uri", tokenURL),
            ] {
                json.name(name)
                json.string(value)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Of the door for messages; ``tokenRecord`` is of the other. Connections count here.
    public var record: StandInRecord { state.withLock { $0.messages } }
    public var tokenRecord: StandInRecord { state.withLock { $0.tokens } }

    // MARK: On demand

    public func misbehave(_ behaviour: StandInBehaviour, forNext count: Int, at door: Door = .messages) {
        state.withLock { $0.plans[door, default: StandInPlan()].add(behaviour, forNext: count) }
    }

    public func misbehave(_ behaviour: StandInBehaviour, forDevice token: String) {
        state.withLock { $0.plans[.messages, default: StandInPlan()].set(behaviour, forDevice: token) }
    }

    public func behave() { state.withLock { $0.plans = [:] } }

    /// From now on the device is answered UNREGISTERED.
    public func unregister(_ token: String) { state.withLock { _ = $0.gone.insert(token) } }

    /// All access tokens given out so far are refused.
    public func revokeAccessTokens() { state.withLock { $0.access = [:] } }

    // MARK: A request

    private func behaviour(for request: StandInRequest) -> StandInBehaviour {
        request.path == "/token" ? giveToken(request) : takeMessage(request)
    }

    private func giveToken(_ request: StandInRequest) -> StandInBehaviour {
        guard let key = try? Self.key.get().publicKey else { return .reply(StandInReply(status: 500)) }
        let check = AssertionCheck(email: configuration.email, keyID: configuration.keyID, audience: tokenURL, publicKey: key)
        let now = time.now()
        return state.withLock { state in
            state.tokens.note(request)
            if let error = check.error(in: request, at: now) {
                state.tokens.noteRefusal(error)
                return .reply(Self.tokenError(error))
            }
            if let planned = state.plans[.tokens]?.take(device: nil) { return planned }
            state.tokens.noteAccepted()
            state.given += 1
            let text = "ya29.stand-in-\(state.given)"
            state.access[text] = now.advanced(bySeconds: configuration.accessSeconds)
            return .reply(Self.token(text, seconds: configuration.accessSeconds))
        }
    }

    private func takeMessage(_ request: StandInRequest) -> StandInBehaviour {
        let now = time.now()
        let rules = FCMRules(projectID: configuration.projectID)
        return state.withLock { state in
            state.messages.note(request)
            let bearer = request.onlyField("authorization").flatMap { $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil }
            let isKnown = bearer.flatMap { state.access[$0] }.map { now < $0 } ?? false
            let checked = isKnown ? rules.check(request) : .refused(FCMRefusal(401, "UNAUTHENTICATED"))
            switch checked {
            case .refused(let refusal):
                state.messages.noteRefusal(refusal.code)
                return .reply(refusal.reply)
            case .message(let device):
                if let planned = state.plans[.messages]?.take(device: device) { return planned }
                if state.gone.contains(device) {
                    state.messages.noteRefusal("UNREGISTERED")
                    return .reply(Self.reply(404, "UNREGISTERED"))
                }
                state.messages.noteAccepted()
                state.messageNumber += 1
                return .reply(Self.accepted("projects/\(configuration.projectID)/messages/\(state.messageNumber)"))
            }
        }
    }
}
