import HTTPTypes
public import Hummingbird
public import ParleyCore

/// What a node answers beside health and metrics.
public enum APIDoor: Sendable, CaseIterable {
    case rest
    /// Streams of server-sent events. Sockets are taken before the routes, on the same nodes.
    case events
}

/// Everything the REST door needs.
public struct APIServices: Sendable {
    public let messages: MessageService
    public let conversations: ConversationService
    public let media: MediaService
    public let devices: DeviceService
    public let notificationSettings: NotificationSettingsService
    /// What browsers subscribe with; nil when nothing is sent to them.
    public let webPushKey: String?
    public let presence: PresenceService
    public let markers: MarkerService
    public let typing: TypingService
    public let revocations: TokenRevocations
    public let events: OpenServerSentEvents
    public let allowsOrigin: @Sendable (_ origin: String?, _ host: String?) -> Bool
    public let verifier: any TokenVerifier
    public let limits: RequestLimits
    public let doors: Set<APIDoor>
    public let dependencies: [Dependency]
    public let metrics: PrometheusRegistry
    public let sampleMetrics: @Sendable () async -> Void
    public let demo: DemoSession?
    public let timeSource: any TimeSource

    public init(
        messages: MessageService, conversations: ConversationService, media: MediaService, devices: DeviceService,
        notificationSettings: NotificationSettingsService, presence: PresenceService, markers: MarkerService, typing: TypingService,
        revocations: TokenRevocations,
        events: @escaping OpenServerSentEvents, allowsOrigin: @escaping @Sendable (_ origin: String?, _ host: String?) -> Bool,
        verifier: any TokenVerifier, limits: RequestLimits, doors: Set<APIDoor> = Set(APIDoor.allCases),
        dependencies: [Dependency], metrics: PrometheusRegistry,
        sampleMetrics: @escaping @Sendable () async -> Void, demo: DemoSession?, timeSource: any TimeSource, webPushKey: String? = nil
    ) {
        self.messages = messages
        self.conversations = conversations
        self.media = media
        self.devices = devices
        self.notificationSettings = notificationSettings
        self.webPushKey = webPushKey
        self.presence = presence
        self.markers = markers
        self.typing = typing
        self.revocations = revocations
        self.events = events
        self.allowsOrigin = allowsOrigin
        self.verifier = verifier
        self.limits = limits
        self.doors = doors
        self.dependencies = dependencies
        self.metrics = metrics
        self.sampleMetrics = sampleMetrics
        self.demo = demo
        self.timeSource = timeSource
    }
}

/// The router with every route: what `serve` runs and what the tests call.
public func parleyRouter(_ services: APIServices) -> Router<ParleyRequestContext> {
    var routes = Routes()
    HealthRoutes(dependencies: services.dependencies, metrics: services.metrics, sample: services.sampleMetrics).add(to: &routes)
    SocketRoutes(takesSockets: services.doors.contains(.events), allowsOrigin: services.allowsOrigin).add(to: &routes)
    if services.doors.contains(.rest) { addREST(services, to: &routes) }
    if services.doors.contains(.events) { EventRoutes(open: services.events).add(to: &routes) }
    let identity = IdentityMiddleware(verifier: services.verifier, limits: services.limits, timeSource: services.timeSource)
    return routes.router(identity: identity)
}

private func addREST(_ services: APIServices, to routes: inout Routes) {
    WebRoutes(demo: services.demo).add(to: &routes)
    MessageRoutes(messages: services.messages).add(to: &routes)
    ConversationRoutes(conversations: services.conversations, timeSource: services.timeSource).add(to: &routes)
    ParticipantRoutes(conversations: services.conversations).add(to: &routes)
    MarkerRoutes(markers: services.markers, typing: services.typing).add(to: &routes)
    TokenRoutes(revocations: services.revocations).add(to: &routes)
    MediaRoutes(media: services.media).add(to: &routes)
    DeviceRoutes(devices: services.devices, webPushKey: services.webPushKey).add(to: &routes)
    NotificationSettingsRoutes(settings: services.notificationSettings).add(to: &routes)
    PresenceRoutes(presence: services.presence).add(to: &routes)
}

/// Gathers the routes, and with them the table that tells an unknown path from a wrong method.
struct Routes {
    typealias Handler = @Sendable (Request, ParleyRequestContext) async throws -> Response

    private var entries: [(method: HTTPRequest.Method, path: String, needsToken: Bool, handler: Handler)] = []

    /// A route that needs a bearer token.
    mutating func on(_ method: HTTPRequest.Method, _ path: String, use handler: @escaping Handler) {
        entries.append((method, path, true, handler))
    }

    /// A route for everybody.
    mutating func open(_ method: HTTPRequest.Method, _ path: String, use handler: @escaping Handler) {
        entries.append((method, path, false, handler))
    }

    func router(identity: IdentityMiddleware) -> Router<ParleyRequestContext> {
        var table = RouteTable()
        for entry in entries { table.add(entry.method.rawValue, entry.path) }
        let router = Router(context: ParleyRequestContext.self)
        router.add(middleware: ProblemMiddleware(routes: table))
        let known = router.group().add(middleware: identity)
        for entry in entries {
            let path = RouterPath(stringLiteral: entry.path)
            if entry.needsToken {
                known.on(path, method: entry.method, use: entry.handler)
            } else {
                router.on(path, method: entry.method, use: entry.handler)
            }
        }
        return router
    }
}
