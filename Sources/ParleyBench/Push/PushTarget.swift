public import ParleyCore
public import ParleyModel
public import ParleyPush

/// What notifications are measured through.
public enum PushService: String, Sendable, CaseIterable {
    /// A file, to which the devices of APNs are written: what a worker does without a network.
    case log
    case apns
    case fcm
    case webpush
    /// FCM, giving out access tokens, taking messages, and answering none of them.
    case stalledFCM = "stalled_fcm"

    /// Whose devices it is asked to reach.
    var deviceKind: DeviceKind {
        switch self {
        case .log, .apns: .apns
        case .fcm, .stalledFCM: .fcm
        case .webpush: .webpush
        }
    }
}

/// What the rows of notifications must be given: stores, stand-ins for the push services, and the providers that reach these.
public struct PushTarget: Sendable {
    /// The arguments that make the measured program the stand-ins. What follows them is the folder in which they say how they
    /// are reached, and how many browsers are to be subscribed.
    public let standIns: [String]
    /// Opens the stores of a fresh folder.
    public let openStores: @Sendable (_ dataFolder: String) async throws -> PushStores
    /// Reads what the stand-ins have said in their folder.
    public let services: @Sendable (_ folder: String) throws -> BenchPushServices

    public init(
        standIns: [String], openStores: @escaping @Sendable (_ dataFolder: String) async throws -> PushStores,
        services: @escaping @Sendable (_ folder: String) throws -> BenchPushServices
    ) {
        self.standIns = standIns
        self.openStores = openStores
        self.services = services
    }
}

/// What a push worker stands on, as the server has it.
public struct PushStores: Sendable {
    public let queue: any PushQueue
    public let ledger: any PushLedger
    public let conversations: any ConversationStore
    public let settings: any NotificationSettingsStore
    public let devices: any DeviceStore
    public let close: @Sendable () async -> Void

    public init(
        queue: any PushQueue, ledger: any PushLedger, conversations: any ConversationStore, settings: any NotificationSettingsStore,
        devices: any DeviceStore, close: @escaping @Sendable () async -> Void
    ) {
        self.queue = queue
        self.ledger = ledger
        self.conversations = conversations
        self.settings = settings
        self.devices = devices
        self.close = close
    }
}

/// The stand-ins, as providers reach them.
public struct BenchPushServices: Sendable {
    /// What browsers have subscribed with.
    public let subscriptions: [WebPushSubscription]
    /// A provider with connections of its own.
    public let open: @Sendable (_ service: PushService, _ logFile: String) throws -> OpenedPushProvider

    public init(
        subscriptions: [WebPushSubscription],
        open: @escaping @Sendable (_ service: PushService, _ logFile: String) throws -> OpenedPushProvider
    ) {
        self.subscriptions = subscriptions
        self.open = open
    }
}

public struct OpenedPushProvider: Sendable {
    public typealias Call = @Sendable () async -> Bool

    public let provider: any PushProvider
    /// Sends one prepared request as often as it is called, and tells whether it was accepted: what the provider's connections
    /// can do when nothing else is done. Nil for providers that have none.
    public let bareCalls: @Sendable (_ notification: PushNotification) async -> Call?
    public let close: @Sendable () async -> Void

    public init(
        _ provider: any PushProvider, bareCalls: @escaping @Sendable (_ notification: PushNotification) async -> Call? = { _ in nil },
        close: @escaping @Sendable () async -> Void = {}
    ) {
        self.provider = provider
        self.bareCalls = bareCalls
        self.close = close
    }
}
