import AsyncHTTPClient
public import Logging
public import ParleyCore
public import ParleyModel
public import ParleyPush
public import ServiceLifecycle

/// Sends notifications to browsers: encrypted to each (RFC 8291), signed for each push service (RFC 8292), by POST to the
/// subscription's endpoint (RFC 8030).
///
/// - A push service that stalls, fails or refuses leaves the others alone; see ``OriginTable``.
/// - Endpoints come from users. What is sent to is held to the ``EndpointRule``, by name and by address.
/// - Answers within ``WebPushLimits/waitingSeconds`` and twice ``WebPushLimits/requestSeconds``, and the time of a look-up.
public struct WebPushProvider: PushProvider, Service {
    public let name = "webpush"
    public let deviceKinds: Set<DeviceKind> = [.webpush]
    public let deliversWithoutDevice = false

    private let tokens: VAPIDTokens
    private let rule: EndpointRule
    private let hosts: HostCheck
    private let gate: OriginGate
    private let connections: PushConnections
    private let time: any TimeSource
    private let limits: WebPushLimits
    private let logger: Logger
    private let silenceNotes = OnceEach()

    public init(
        key: VAPIDKey, contact: VAPIDContact?, rule: EndpointRule = EndpointRule(), time: any TimeSource,
        limits: WebPushLimits = WebPushLimits(), logger: Logger
    ) {
        self.init(
            key: key, contact: contact, rule: rule, time: time, limits: limits, logger: logger, hosts: HostCheck(time: time),
            connectsToPrivate: rule.allowsPrivate)
    }

    init(
        key: VAPIDKey, contact: VAPIDContact?, rule: EndpointRule, time: any TimeSource, limits: WebPushLimits, logger: Logger,
        hosts: HostCheck, connectsToPrivate: Bool
    ) {
        tokens = VAPIDTokens(key: key, contact: contact)
        self.rule = rule
        self.hosts = hosts
        gate = OriginGate(limits, time: time)
        connections = PushConnections(limits, allowsPrivate: connectsToPrivate)
        self.time = time
        self.limits = limits
        self.logger = logger
    }

    /// Keeps the connections until graceful shutdown. To be stopped after whoever sends.
    public func run() async throws {
        try? await gracefulShutdown()
        try await shutDown()
    }

    /// For those who do not run it.
    public func shutDown() async throws { try await connections.shutDown() }

    /// Apple's push service takes nothing that no person sees.
    public func takesReads(on device: Device) -> Bool {
        guard case .webPush(let subscription) = device.address, let endpoint = PushEndpoint(subscription.endpoint), endpoint.forbidsSilence
        else { return true }
        if silenceNotes.isFirst(endpoint.origin) {
            logger.notice(
                "push service takes no silent updates: what was read elsewhere stays on its devices until they are opened",
                metadata: ["origin": "\(endpoint.origin)"])
        }
        return false
    }

    public func send(_ notification: PushNotification) async -> PushAnswer {
        let draft: WebPushDraft
        switch WebPushDraft.make(notification, rule, at: time.now()) {
        case .success(let made): draft = made
        case .failure(let refusal): return .rejected(reason: refusal.reason)
        }
        let origin = draft.endpoint.origin
        switch await gate.enter(origin) {
        case .refused(let seconds): return .retry(after: seconds, reason: "\(origin) does not take more now")
        case .admitted: break
        }
        let verdict = await verdict(on: draft)
        gate.leave(origin, verdict.outcome)
        if verdict.doubtsToken { tokens.forget(origin) }
        return verdict.answer
    }

    private func verdict(on draft: WebPushDraft) async -> WebPushVerdict {
        let endpoint = draft.endpoint
        if !rule.allowsPrivate {
            switch await hosts.verdict(on: endpoint.host) {
            case .fine: break
            case .isPrivate: return .leadsInside
            case .unknown(let reason):
                return WebPushVerdict(
                    answer: .retry(after: nil, reason: "the name \(endpoint.host) cannot be looked up: \(reason)"),
                    outcome: .failed(after: nil))
            }
        }
        let now = time.now()
        let request: HTTPClientRequest
        do {
            request = try draft.request(
                token: try tokens.header(for: endpoint.origin, at: now), paddingBytes: limits.paddingBytes, at: now)
        } catch {
            return WebPushVerdict(
                answer: .retry(after: nil, reason: "it cannot be encrypted or signed: \(type(of: error))"), outcome: .abandoned)
        }
        do {
            return .of(try await connections.post(request), at: time.now(), hiding: endpoint.secret)
        } catch is PushConnections.PrivateAddress {
            return .leadsInside
        } catch {
            let isAbandoned = Self.isAbandoned(error)
            let reason = isAbandoned ? "the server is stopping" : reason(error, endpoint)
            return WebPushVerdict(
                answer: PushConnections.mayHaveSent(error)
                    ? .unanswered(after: nil, reason: reason) : .retry(after: nil, reason: reason),
                outcome: isAbandoned ? .abandoned : .failed(after: nil))
        }
    }

    private static func isAbandoned(_ error: any Error) -> Bool {
        switch error as? HTTPClientError {
        case .cancelled?, .alreadyShutdown?: true
        default: error is CancellationError
        }
    }

    private func reason(_ error: any Error, _ endpoint: PushEndpoint) -> String {
        logger.debug("push service did not answer", metadata: ["origin": "\(endpoint.origin)", "error": "\(error)"])
        switch error as? HTTPClientError {
        case .deadlineExceeded?, .connectTimeout?, .readTimeout?, .getConnectionFromPoolTimeout?:
            return "\(endpoint.origin) does not answer"
        default:
            return "\(endpoint.origin) cannot be reached, or broke off: \(type(of: error))"
        }
    }
}

extension WebPushVerdict {
    fileprivate static let leadsInside = WebPushVerdict(
        answer: .rejected(reason: "the endpoint leads to an address that is not of the public internet"), outcome: .failed(after: nil))
}
