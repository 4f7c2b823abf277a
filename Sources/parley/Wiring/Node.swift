import CoreMetrics
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ParleyAPI
import ParleyCore
import ParleyGateway
import ParleyModel
import ParleyPush
import ServiceLifecycle

/// A running node, put together from settings: services in the order in which they start; shutdown walks back.
struct Node {
    let services: [any Service]
    let demo: DemoSession?

    init(
        settings: Settings, backend: Backend, secret: SigningSecret?, jwks: String?, metrics: PrometheusRegistry, logger: Logger,
        onServerRunning: @escaping @Sendable (Int) async -> Void
    ) async throws {
        let time = SystemTimeSource()
        let instruments = MessageInstruments()
        let roles = settings.roles
        let access = ConversationAccess(
            store: backend.conversations, maxAge: backend.busLosesEvents ? ConversationAccess.maxAgeOnLossyBus : nil)
        let media = MediaService(store: backend.media, timeSource: time)
        let sizes = ConversationSizes(store: backend.conversations, timeSource: time)
        let revocations = TokenRevocations(store: backend.revocations, bus: backend.bus, timeSource: time)
        var gatewayConfiguration = Self.gateway(settings)
        gatewayConfiguration.busLosesEvents = backend.busLosesEvents
        let resume = ResumeService(
            messages: backend.messages, conversations: backend.conversations, media: media, timeSource: time,
            receiptsMaxParticipants: gatewayConfiguration.receiptsMaxParticipants, maxSubscriptions: gatewayConfiguration.maxSubscriptions)
        let reader = CatchUpReader(resume: resume, logger: logger)
        let hub = Hub(group: MultiThreadedEventLoopGroup.singleton, reader: reader, bus: backend.bus, configuration: gatewayConfiguration)
        // Whoever decides by cached facts hears of changes before those who tell clients.
        for sink in [access, sizes, revocations, hub] as [any EventSink] { backend.bus.attach(sink) }
        let publisher = Publisher(bus: backend.bus, instruments: instruments)
        let activity = CreateActivity()
        let createsFirst = CreatesFirst(activity, timeSource: time)
        let webPush = try WebPushWiring(settings, sends: roles.contains(.push), time, logger)
        let pushServices = roles.contains(.push) ? try PushWiring.services(settings, time) : nil
        let worker = try pushServices.map { services in
            try PushWiring.worker(services.providers + webPush.providers, settings, backend, time, createsFirst, logger)
        }
        let effects = EffectWiring(
            backend: backend, publisher: publisher, media: media, createsFirst: createsFirst, configuration: Self.notifier(settings),
            timeSource: time, instruments: instruments, logger: logger, afterEnqueue: { worker?.wake() })
        let lanes = AppendLanes(
            (0..<backend.laneCount).map { _ in
                AppendLane(
                    store: backend.messages, configuration: Self.lane(settings), timeSource: time, instruments: instruments,
                    activity: activity, ledger: effects.ledger, permit: effects.permit, logger: logger, effects: effects.afterAnswering)
            })

        let messages = MessageService(
            store: backend.messages, lanes: lanes, access: access, media: media, ids: effects.ids, timeSource: time,
            instruments: instruments)
        var limits = ConversationService.Limits()
        limits.maxParticipants = settings.number("limits.participants")
        let conversations = ConversationService(
            store: backend.conversations, access: access, bus: backend.bus, timeSource: time, limits: limits)
        let secondLooks = SecondLookWiring(settings, backend, node: effects.node, jobs: effects.jobs, time, logger)
        let presence = PresenceService(
            presence: backend.presence, conversations: backend.conversations, bus: backend.bus, timeSource: time,
            attendance: secondLooks?.keeper)
        let counter = ReceiptCounter(store: backend.conversations, bus: backend.bus, timeSource: time, logger: logger)
        let markers = MarkerService(
            store: backend.conversations, access: access, sizes: sizes, bus: backend.bus, counter: counter, timeSource: time,
            maxParticipants: gatewayConfiguration.receiptsMaxParticipants)
        let typing = TypingService(
            access: access, sizes: sizes, bus: backend.bus, timeSource: time, maxParticipants: gatewayConfiguration.receiptsMaxParticipants)
        let verifier = try await JWTTokenVerifier(secret: secret?.text, jwks: jwks, timeSource: time, revocations: revocations)
        let requestLimits = Self.limits(settings)
        demo = secret.flatMap { secret in
            secret.isDevelopment
                ? DemoSession(issuer: TokenIssuer(secret: secret.text), conversations: conversations, timeSource: time) : nil
        }
        let sampler = GaugeSampler(due: effects.due, queue: backend.pushQueue)
        let gateway = GatewayServices(
            messages: messages, markers: markers, typing: typing, presence: presence, resume: resume, verifier: verifier,
            messageLimiter: requestLimits.messages, timeSource: time, configuration: gatewayConfiguration, logger: logger)
        let origins = OriginRule(allowed: gatewayConfiguration.allowedOrigins)
        let sessions = SocketSessions()
        let streams = EventStreams(services: gateway, hub: hub)
        let router = parleyRouter(
            APIServices(
                messages: messages, conversations: conversations, media: media,
                devices: DeviceService(
                    store: backend.devices, timeSource: time, endpointSchemes: webPush.endpointSchemes,
                    checkSubscription: webPush.checkSubscription),
                notificationSettings: NotificationSettingsService(store: backend.notificationSettings, isTimeZone: TimeZoneNames.areKnown),
                presence: presence, markers: markers, typing: typing, revocations: revocations,
                events: { caller, id, replayLimit, channel async throws(ParleyError) in
                    let stream = try await streams.open(caller, from: id, replayLimit: replayLimit, on: channel)
                    return ServerSentEvents(next: { await stream.next() }, close: { await stream.close() })
                }, allowsOrigin: { origins.allows(origin: $0, host: $1) }, verifier: verifier,
                limits: requestLimits, doors: Self.doors(roles),
                dependencies: backend.dependencies.map { Dependency(name: $0.key, check: $0.value) },
                metrics: metrics,
                sampleMetrics: { await sampler.sample() }, demo: demo, timeSource: time, webPushKey: webPush.publicKey))
        let clock = HubClock(
            hub: hub, bus: backend.bus, resume: resume, presence: presence, revocations: revocations, departures: backend.departures,
            configuration: gatewayConfiguration, logger: logger)
        let idleSeconds = Int64(settings.number("limits.idle_seconds"))
        let server = Application(
            router: router,
            server: HTTPServerBuilder { responder in
                ParleyChannel(
                    responder: responder, services: gateway, hub: hub, sessions: sessions, idleSeconds: idleSeconds,
                    acceptsPerTurn: OpenFiles.acceptsPerTurn, takesSockets: roles.contains(.gateway))
            },
            configuration: ApplicationConfiguration(
                address: .hostname(settings.text("host"), port: settings.number("port")), serverName: "parley", backlog: 4096,
                availableConnectionsDelegate: .maximum(OpenFiles.forConnections, logger: logger)),
            onServerRunning: { channel in await onServerRunning(channel.localAddress?.port ?? settings.number("port")) },
            eventLoopGroupProvider: .singleton, logger: logger)
        let workers: [any Service] = webPush.services + (pushServices?.clients ?? []) + (worker.map { [$0] } ?? [])
        services =
            workers + effects.services + lanes.lanes + (secondLooks?.services ?? []) + [counter, presence, reader, sessions, server, clock]
    }

    private static func doors(_ roles: Set<NodeRole>) -> Set<APIDoor> {
        var doors: Set<APIDoor> = []
        if roles.contains(.api) { doors.insert(.rest) }
        if roles.contains(.gateway) { doors.insert(.events) }
        return doors
    }

    private static func lane(_ settings: Settings) -> AppendLane.Configuration {
        var lane = AppendLane.Configuration()
        lane.maxDepth = settings.number("lane.max_depth")
        lane.maxBatch = settings.number("lane.max_batch")
        lane.maxWaitSeconds = Double(settings.number("lane.max_wait_seconds"))
        return lane
    }

    private static func notifier(_ settings: Settings) -> NotifyConfiguration {
        var notifier = NotifyConfiguration()
        notifier.queuesJobs = settings.text("push.provider") != "none"
        return notifier
    }

    private static func gateway(_ settings: Settings) -> GatewayConfiguration {
        var gateway = GatewayConfiguration()
        gateway.maxMessageBytes = settings.number("socket.max_message_bytes")
        gateway.maxOutboundBytes = settings.number("socket.max_outbound_bytes")
        gateway.authenticationSeconds = settings.number("socket.authentication_seconds")
        gateway.heartbeatSeconds = settings.number("socket.heartbeat_seconds")
        gateway.commandsPerSecond = settings.number("socket.commands_per_second")
        gateway.commandsBurst = settings.number("socket.commands_burst")
        gateway.maxSubscriptions = settings.number("socket.max_subscriptions")
        gateway.maxPresenceUsers = settings.number("socket.max_presence_users")
        gateway.maxSocketsPerUser = settings.number("socket.max_per_user")
        gateway.drainSeconds = settings.number("socket.drain_seconds")
        gateway.receiptsMaxParticipants = Int64(settings.number("limits.receipts_participants"))
        gateway.typingIntervalMilliseconds = Int64(TypingService.intervalSeconds * 1000)
        gateway.allowedOrigins = (settings.optional("socket.allowed_origins") ?? "").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces) }
        return gateway
    }

    private static func limits(_ settings: Settings) -> RequestLimits {
        func limiter(_ name: String) -> RateLimiter? {
            RateLimiter(
                perSecond: Double(settings.number("limits.\(name)_per_second")), burst: Double(settings.number("limits.\(name)_burst")))
        }
        return RequestLimits(messages: limiter("messages"), requests: limiter("requests"))
    }
}

/// Reads the gauges that are facts of the stores, when metrics are asked for.
private struct GaugeSampler: Sendable {
    /// Nil when it cannot be known.
    let due: @Sendable () async -> Int64?
    let queue: any PushQueue
    private let dueMessages = Gauge(label: "parley_effects_due_messages")
    private let pending = Gauge(label: "parley_push_jobs_pending")
    private let dead = Gauge(label: "parley_push_jobs_dead")

    init(due: @escaping @Sendable () async -> Int64?, queue: any PushQueue) {
        self.due = due
        self.queue = queue
    }

    /// A store that cannot be read leaves the gauges as they were; the ready check says so.
    func sample() async {
        if let due = await due() { dueMessages.record(due) }
        if let depth = try? await queue.depth() {
            pending.record(depth.pending)
            dead.record(depth.dead)
        }
    }
}
