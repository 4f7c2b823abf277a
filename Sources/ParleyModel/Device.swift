/// Where notifications for a user go.
public struct Device: JSONEncodable, Equatable {
    public let id: DeviceID
    public let userID: UserID
    public let address: PushAddress
    public let name: String?
    public let createdAt: Timestamp
    /// When its address was last registered, by whomever.
    public let registeredAt: Timestamp

    /// - Parameter registeredAt: Nil for `createdAt`.
    public init(
        id: DeviceID, userID: UserID, address: PushAddress, name: String?, createdAt: Timestamp, registeredAt: Timestamp? = nil
    ) {
        self.id = id
        self.userID = userID
        self.address = address
        self.name = name
        self.createdAt = createdAt
        self.registeredAt = registeredAt ?? createdAt
    }

    /// The device under its old id, as it was registered again by this one.
    public func registeredAgain(by new: Device) -> Device {
        Device(
            id: id, userID: new.userID, address: new.address, name: new.name, createdAt: createdAt,
            registeredAt: max(registeredAt, new.registeredAt))
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("id")
            json.id(id)
            json.name("kind")
            json.string(address.kind.rawValue)
            json.name("token")
            json.optional(address.token) { $0.string($1) }
            json.name("subscription")
            json.optional(address.subscription) { $1.write(to: &$0) }
            json.name("name")
            json.optional(name) { $0.string($1) }
            json.name("created_at")
            json.timestamp(createdAt)
            json.name("registered_at")
            json.timestamp(registeredAt)
        }
    }
}

public enum DeviceKind: String, Sendable, CaseIterable {
    case apns, fcm, webpush
}

/// How a push service names a device. Equal addresses are the same device, whoever registers it.
public enum PushAddress: Sendable, Hashable {
    case apns(token: String)
    case fcm(token: String)
    case webPush(WebPushSubscription)

    public var kind: DeviceKind {
        switch self {
        case .apns: .apns
        case .fcm: .fcm
        case .webPush: .webpush
        }
    }

    public var token: String? {
        switch self {
        case .apns(let token), .fcm(let token): token
        case .webPush: nil
        }
    }

    public var subscription: WebPushSubscription? {
        if case .webPush(let subscription) = self { subscription } else { nil }
    }

    /// What tells this device from every other of its kind: the token, or the subscription's endpoint.
    public var key: String { token ?? subscription?.endpoint ?? "" }
}

/// What a browser's `PushSubscription.toJSON()` gives (Push API; keys as base64url, RFC 8291).
public struct WebPushSubscription: JSONEncodable, Hashable {
    public let endpoint: String
    public let p256dh: String
    public let auth: String

    public init(endpoint: String, p256dh: String, auth: String) {
        self.endpoint = endpoint
        self.p256dh = p256dh
        self.auth = auth
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("endpoint")
            json.string(endpoint)
            json.name("keys")
            json.object { json in
                json.name("p256dh")
                json.string(p256dh)
                json.name("auth")
                json.string(auth)
            }
        }
    }
}

/// Whether a user has a live socket, and when the last one ended.
public struct PresenceState: JSONEncodable, Equatable {
    public let online: Bool
    public let lastSeenAt: Timestamp?

    public init(online: Bool, lastSeenAt: Timestamp?) {
        self.online = online
        self.lastSeenAt = lastSeenAt
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in writeMembers(to: &json) }
    }

    public func writeMembers(to json: inout JSONWriter) {
        json.name("online")
        json.bool(online)
        json.name("last_seen_at")
        json.optional(lastSeenAt) { $0.timestamp($1) }
    }
}
