import AsyncHTTPClient
import NIOCore
import NIOHTTP1
public import ParleyCore
public import ParleyModel
public import ParleyPush

/// Sends to Android devices through Firebase Cloud Messaging, HTTP v1.
public final class FCMPushProvider: PushProvider {
    public let name = "fcm"
    public let deviceKinds: Set<DeviceKind> = [.fcm]
    public let deliversWithoutDevice = false

    private let configuration: FCMConfiguration
    private let url: String
    private let caller: PushServiceCaller
    private let time: any TimeSource

    /// `client` is for this provider alone: when nothing is answered any more, its connections are dropped.
    public init(_ configuration: FCMConfiguration, client: PushHTTPClient, time: any TimeSource) {
        self.configuration = configuration
        self.time = time
        url = "\(configuration.url)/v1/projects/\(configuration.account.projectID)/messages:send"
        let credential = FCMAccessToken(account: configuration.account, client: client, limits: configuration.limits)
        caller = PushServiceCaller(
            client: client, credential: credential.renewable(time: time), limits: configuration.limits, time: time)
    }

    public func send(_ notification: PushNotification) async -> PushAnswer {
        guard case .fcm(let token)? = notification.device?.address else { return .rejected(reason: "it is not for a device of FCM") }
        let message = FCMMessage(
            form: configuration.form, channelID: configuration.channelID, genericAlert: configuration.genericAlert, now: time.now())
        let body = ByteBuffer(bytes: message.bytes(notification, token: token))
        return await caller.call({ self.request(body, bearer: $0) }, judge: { FCMVerdict(answer: $0, now: time.now()).verdict })
    }

    private func request(_ body: ByteBuffer, bearer: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = HTTPHeaders([("authorization", "Bearer \(bearer)"), ("content-type", "application/json; charset=UTF-8")])
        request.body = .bytes(body)
        return request
    }
}
