public import ParleyCore
public import ParleyModel
public import ParleyPush

/// Sends to Apple devices through the Apple Push Notification service, with a provider token over HTTP/2.
public final class APNsPushProvider: PushProvider {
    public let name = "apns"
    public let deviceKinds: Set<DeviceKind> = [.apns]
    public let deliversWithoutDevice = false

    private let configuration: APNsConfiguration
    private let caller: PushServiceCaller
    private let time: any TimeSource

    /// `client` is for this provider alone: when nothing is answered any more, its connections are dropped.
    public init(_ configuration: APNsConfiguration, client: PushHTTPClient, time: any TimeSource) {
        self.configuration = configuration
        self.time = time
        caller = PushServiceCaller(
            client: client, credential: APNsProviderToken.renewable(configuration, time: time), limits: configuration.limits, time: time)
    }

    public func send(_ notification: PushNotification) async -> PushAnswer {
        guard let device = notification.device, case .apns(let token) = device.address else {
            return .rejected(reason: "it is not for a device of APNs")
        }
        guard let request = APNsRequest(notification, device: device, token: token, configuration: configuration) else {
            return .rejected(reason: "the device's token is not hexadecimal")
        }
        return await caller.call({ request.http(bearer: $0) }, judge: { APNsVerdict(answer: $0, now: time.now()).verdict })
    }
    /// For measurements: sends one notification's request, made beforehand, as often as the result is called. Nil where there is
    /// no provider token, or the notification cannot be sent.
    package func bareCalls(of notification: PushNotification) async -> (@Sendable () async -> Bool)? {
        guard let device = notification.device, case .apns(let token) = device.address,
            let request = APNsRequest(notification, device: device, token: token, configuration: configuration)
        else { return nil }
        return await caller.bareCalls { request.http(bearer: $0) }
    }
}
