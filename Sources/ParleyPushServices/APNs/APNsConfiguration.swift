/// Who sends through APNs, and how.
public struct APNsConfiguration: Sendable {
    public enum Environment: String, Sendable, CaseIterable {
        /// Apps from the App Store and TestFlight.
        case production
        /// Apps that Xcode has put on a device.
        case sandbox

        public var url: String {
            switch self {
            case .production: "https://api.push.apple.com"
            case .sandbox: "https://api.sandbox.push.apple.com"
            }
        }
    }

    public let key: APNsKey
    public let keyID: String
    public let teamID: String
    /// The app's bundle id.
    public let topic: String
    /// Scheme, host and port of the server.
    public let url: String
    /// Nil: alerts make no sound.
    public var sound: String? = "default"
    public var genericAlert = GenericAlert()
    public var limits = PushServiceLimits()

    /// Throws a sentence about what cannot be right. `url` takes the place of Apple's own, for proxies and stand-ins.
    public init(
        key: APNsKey, keyID: String, teamID: String, topic: String, environment: Environment = .production, url: String? = nil
    ) throws(PushKeyError) {
        guard Self.isTenCharacters(keyID) else { throw PushKeyError("the key id must have 10 characters, A-Z and 0-9") }
        guard Self.isTenCharacters(teamID) else { throw PushKeyError("the team id must have 10 characters, A-Z and 0-9") }
        guard Self.isBundleID(topic) else {
            throw PushKeyError("the topic must be the app's bundle id, such as com.example.chat: letters, digits, dots and hyphens")
        }
        self.key = key
        self.keyID = keyID
        self.teamID = teamID
        self.topic = topic
        self.url = try PushServiceURL.checked(url ?? environment.url)
    }

    private static func isTenCharacters(_ text: String) -> Bool {
        text.utf8.count == 10 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }

    private static func isBundleID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            }
    }
}
