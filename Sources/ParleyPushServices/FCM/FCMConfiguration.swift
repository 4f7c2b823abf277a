/// Who sends through FCM, and how.
public struct FCMConfiguration: Sendable {
    public enum Form: String, Sendable, CaseIterable {
        /// Android shows the alert itself, also when the app does not run.
        case notification
        /// The app is woken and shows what it likes, for example after decrypting the message.
        case data
    }

    public static let defaultURL = "https://fcm.googleapis.com"

    public let account: FCMServiceAccount
    /// Scheme, host and port of the server.
    public let url: String
    public var form = Form.notification
    /// The app's channel of notifications; nil takes the one of its manifest.
    public var channelID: String?
    public var genericAlert = GenericAlert()
    public var limits = PushServiceLimits()

    /// Throws a sentence about what cannot be right.
    public static func checkedChannel(_ id: String) throws(PushKeyError) -> String {
        try SettingText.check(id, maxBytes: GenericAlert.maxKeyBytes)
        return id
    }

    /// Throws a sentence about what cannot be right. `url` takes the place of Google's own, for proxies and stand-ins.
    public init(account: FCMServiceAccount, url: String? = nil) throws(PushKeyError) {
        self.account = account
        self.url = try PushServiceURL.checked(url ?? Self.defaultURL)
    }
}
