import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import ParleyAPI
import ParleyCore
import ParleyModel
import ParleyTesting

/// Parley on its in-memory adapters, behind the router that `serve` runs; called without a network.
struct Parley: Sendable {
    /// As long as the hash of HS512, the longest that a test signs with.
    static let secret = "a secret that only these tests know, and that is 64 bytes or more"
    static let quiet = Logger(label: "parley.tests") { _ in SwiftLogNoOpLogHandler() }

    /// What a test wants otherwise than usual.
    struct Setup: Sendable {
        var lane = AppendLane.Configuration()
        var limits = RequestLimits(messages: nil, requests: nil)
        var maxParticipants = 1000
        var doors = Set(APIDoor.allCases)
        var secret: String? = Parley.secret
        var jwks: String?
        var webPushKey: String?
        var checkSubscription: DeviceService.SubscriptionCheck = { _ throws(ParleyError) in }
    }

    let time = ManualTimeSource()
    let store = SwitchedStore()
    let presence = InProcessPresence(timeSource: ManualTimeSource())
    let log = RecordedLog()
    let lane: AppendLane
    let issuer = TokenIssuer(secret: secret)
    private let responder: any HTTPResponder<ParleyRequestContext>
    private let channel = NIOAsyncTestingChannel()

    /// Runs `test` against a fresh Parley. The lane that stores messages lives as long as the test.
    static func run<Value>(_ setup: Setup = Setup(), _ test: (Parley) async throws -> Value) async throws -> Value {
        let parley = try await Parley(setup)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await parley.lane.run() }
            // A create that waits at the gate would keep the lane, and so the test, from ending.
            defer { parley.store.gate.open() }
            let value = try await test(parley)
            parley.lane.close()
            return value
        }
    }

    private init(_ setup: Setup) async throws {
        let bus = InProcessEventBus()
        let instruments = MessageInstruments()
        let access = ConversationAccess(store: store)
        let media = MediaService(store: store, timeSource: time)
        let sizes = ConversationSizes(store: store, timeSource: time)
        let revocations = TokenRevocations(store: InMemoryTokenRevocationStore(), bus: bus, timeSource: time)
        for sink in [access, sizes, revocations] as [any EventSink] { bus.attach(sink) }
        let publisher = Publisher(bus: bus, instruments: instruments)
        lane = AppendLane(
            store: store, configuration: setup.lane, timeSource: time, instruments: instruments, logger: Self.quiet
        ) { stored, _ in await publisher.publish(stored) }
        let messages = MessageService(
            store: store, lanes: AppendLanes([lane]), access: access, media: media, ids: MessageIDGenerator(), timeSource: time,
            instruments: instruments)
        var limits = ConversationService.Limits()
        limits.maxParticipants = setup.maxParticipants
        let store = store
        let router = parleyRouter(
            APIServices(
                messages: messages,
                conversations: ConversationService(store: store, access: access, bus: bus, timeSource: time, limits: limits),
                media: media, devices: DeviceService(store: store.devices, timeSource: time, checkSubscription: setup.checkSubscription),
                notificationSettings: NotificationSettingsService(store: store.settings, isTimeZone: TimeZoneNames.areKnown),
                presence: PresenceService(presence: presence, conversations: store, bus: bus, timeSource: time),
                markers: MarkerService(
                    store: store, access: access, sizes: sizes, bus: bus,
                    counter: ReceiptCounter(store: store, bus: bus, timeSource: time, logger: Self.quiet), timeSource: time),
                typing: TypingService(access: access, sizes: sizes, bus: bus, timeSource: time), revocations: revocations,
                events: { _, _, _, _ async throws(ParleyError) in throw ParleyError(.shuttingDown, "no streams here") },
                allowsOrigin: { origin, _ in origin == nil },
                verifier: try await JWTTokenVerifier(secret: setup.secret, jwks: setup.jwks, timeSource: time, revocations: revocations),
                limits: setup.limits, doors: setup.doors,
                dependencies: [Dependency(name: "storage") { () async throws(StoreError) in try store.outage.check() }],
                metrics: PrometheusRegistry(), sampleMetrics: {}, demo: nil, timeSource: time, webPushKey: setup.webPushKey))
        responder = router.buildResponder()
    }

    // MARK: Calling

    /// A request of a user, or without a token for nil.
    func call(_ method: HTTPRequest.Method, _ path: String, as user: UserID?, _ body: JSONValue? = nil, headers: HTTPFields = [:])
        async throws -> Answer
    {
        var headers = headers
        if let user { headers[.authorization] = "Bearer " + (try await token(user)) }
        return try await call(method, path, body, headers: headers)
    }

    /// A request with a service token, on behalf of a user or of nobody.
    func callAsService(_ method: HTTPRequest.Method, _ path: String, for user: UserID? = nil, _ body: JSONValue? = nil) async throws
        -> Answer
    {
        var headers: HTTPFields = [.authorization: "Bearer " + (try await token(nil, isService: true))]
        if let user { headers[.onBehalfOf] = user.description }
        return try await call(method, path, body, headers: headers)
    }

    private func call(_ method: HTTPRequest.Method, _ path: String, _ body: JSONValue?, headers: HTTPFields) async throws -> Answer {
        var headers = headers
        if body != nil { headers[.contentType] = "application/json" }
        return try await exchange(method, path, headers: headers, bytes: body?.bytes ?? [])
    }

    /// A request as it stands.
    func exchange(_ method: HTTPRequest.Method, _ path: String, headers: HTTPFields, bytes: [UInt8] = []) async throws -> Answer {
        let head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: bytes)))
        let context = ParleyRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: log.logger))
        return try await Answer(try await responder.respond(to: request, context: context))
    }

    func token(_ user: UserID?, isService: Bool = false, seconds: Double = 3600) async throws -> String {
        try await issuer.token(for: user, isService: isService, seconds: seconds, at: time.now())
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-ID")!
    static let onBehalfOf = HTTPField.Name("Parley-On-Behalf-Of")!
    static let rateLimitLimit = HTTPField.Name("RateLimit-Limit")!
    static let rateLimitRemaining = HTTPField.Name("RateLimit-Remaining")!
    static let rateLimitReset = HTTPField.Name("RateLimit-Reset")!
}
