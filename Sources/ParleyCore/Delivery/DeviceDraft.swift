public import ParleyModel

/// The bounds of what is kept of a device, in code points.
public enum DeviceLimits {
    public static let tokenLength = 4096
    public static let nameLength = 100
    public static let endpointLength = 2048
}

/// What a client says of its device, not yet checked.
public struct DeviceDraft: Sendable {
    let kind: String
    let token: String?
    let subscription: JSONObject?
    let name: String?

    public init(_ body: JSONObject) throws(FieldError) {
        kind = try body.requiredString("kind")
        token = try body.string("token")
        subscription = try body.object("subscription")
        name = try body.string("name")
    }

    /// The device it describes. Throws the first thing that is wrong.
    ///
    /// - Parameter endpointSchemes: RFC 8030, section 8: a push service is only reached over TLS. Stand-ins may be reached without.
    public func checked(id: DeviceID, user: UserID, at now: Timestamp, endpointSchemes: [String] = ["https"]) throws(ParleyError) -> Device
    {
        guard let kind = DeviceKind(rawValue: kind) else { throw .invalid("kind", "must be apns, fcm or webpush") }
        let address = try checkedAddress(kind, endpointSchemes)
        if let name { try checkText(name, "name", length: DeviceLimits.nameLength) }
        return Device(id: id, userID: user, address: address, name: name, createdAt: now)
    }

    private func checkedAddress(_ kind: DeviceKind, _ endpointSchemes: [String]) throws(ParleyError) -> PushAddress {
        switch kind {
        case .apns: .apns(token: try checkedToken())
        case .fcm: .fcm(token: try checkedToken())
        case .webpush: .webPush(try checkedSubscription(endpointSchemes))
        }
    }

    private func checkedToken() throws(ParleyError) -> String {
        guard let token else { throw ParleyError(.missing("token")) }
        guard subscription == nil else { throw .invalid("subscription", "is for the kind webpush; \(kind) has a token") }
        guard !token.isEmpty else { throw .invalid("token", "must not be empty") }
        try checkText(token, "token", length: DeviceLimits.tokenLength)
        return token
    }

    private func checkedSubscription(_ endpointSchemes: [String]) throws(ParleyError) -> WebPushSubscription {
        let read: WebPushSubscription
        do { read = try readSubscription() } catch { throw ParleyError(error) }
        guard token == nil else { throw .invalid("token", "is for the kinds apns and fcm; webpush has a subscription") }
        try checkText(read.endpoint, "endpoint", length: DeviceLimits.endpointLength)
        guard TextForm.isWebAddress(read.endpoint, schemes: endpointSchemes) else { throw .invalid("endpoint", "must be an https address") }
        guard TextForm.isBase64URL(read.p256dh, digits: 87, padding: "=") else {
            throw .invalid("p256dh", "must be a public key of 65 bytes in base64url: 87 characters")
        }
        guard TextForm.isBase64URL(read.auth, digits: 22, padding: "==") else {
            throw .invalid("auth", "must be a secret of 16 bytes in base64url: 22 characters")
        }
        return read
    }

    private func readSubscription() throws(FieldError) -> WebPushSubscription {
        guard let subscription else { throw .missing("subscription") }
        let endpoint = try subscription.requiredString("endpoint")
        guard let keys = try subscription.object("keys") else { throw .missing("keys") }
        return WebPushSubscription(
            endpoint: endpoint, p256dh: try keys.requiredString("p256dh"), auth: try keys.requiredString("auth"))
    }
}
