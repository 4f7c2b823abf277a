public import ParleyModel

/// A user's push devices: registering, listing, removing.
public struct DeviceService: Sendable {
    /// Devices that one user may have.
    public static let maxPerUser = 50

    let store: any DeviceStore
    let timeSource: any TimeSource

    public init(store: any DeviceStore, timeSource: any TimeSource) {
        self.store = store
        self.timeSource = timeSource
    }

    /// Registers a device; `added` is false when its address was known and has been moved to this user.
    public func register(_ draft: DeviceDraft, as caller: Caller) async throws(ParleyError) -> (device: Device, added: Bool) {
        let device = try draft.checked(id: .random(), user: try caller.requiredUser(), at: timeSource.now())
        let registration: DeviceRegistration
        do { registration = try await store.register(device, maxPerUser: Self.maxPerUser) } catch { throw ParleyError(error) }
        switch registration {
        case .added(let device): return (device, true)
        case .moved(let device): return (device, false)
        case .tooMany: throw ParleyError(.tooManyDevices, "a user has at most \(Self.maxPerUser) devices; delete one first")
        }
    }

    public func devices(as caller: Caller) async throws(ParleyError) -> [Device] {
        let user = try caller.requiredUser()
        do { return try await store.devices(of: user) } catch { throw ParleyError(error) }
    }

    public func remove(_ id: DeviceID, as caller: Caller) async throws(ParleyError) {
        let user = try caller.requiredUser()
        let wasThere: Bool
        do { wasThere = try await store.remove(id, of: user) } catch { throw ParleyError(error) }
        guard wasThere else { throw ParleyError(.deviceNotFound, "you have no device with this id") }
    }
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

    func checked(id: DeviceID, user: UserID, at now: Timestamp) throws(ParleyError) -> Device {
        guard let kind = DeviceKind(rawValue: kind) else { throw .invalid("kind", "must be apns, fcm or webpush") }
        if let name { try checkText(name, "name", length: 100) }
        let address: PushAddress
        switch kind {
        case .apns: address = .apns(token: try checkedToken())
        case .fcm: address = .fcm(token: try checkedToken())
        case .webpush: address = .webPush(try checkedSubscription())
        }
        return Device(id: id, userID: user, address: address, name: name, createdAt: now)
    }

    private func checkedToken() throws(ParleyError) -> String {
        guard let token else { throw ParleyError(.missing("token")) }
        guard !token.isEmpty else { throw .invalid("token", "must not be empty") }
        try checkText(token, "token", length: 4096)
        return token
    }

    private func checkedSubscription() throws(ParleyError) -> WebPushSubscription {
        do {
            guard let subscription else { throw FieldError.missing("subscription") }
            let endpoint = try subscription.requiredString("endpoint")
            guard let keys = try subscription.object("keys") else { throw FieldError.missing("keys") }
            let p256dh = try keys.requiredString("p256dh")
            let auth = try keys.requiredString("auth")
            guard endpoint.hasPrefix("https://"), endpoint.utf8.count > 8 else { throw FieldError.invalid("endpoint", reason: "must be an https address") }
            try checkText(endpoint, "endpoint", length: 2048)
            try checkText(p256dh, "p256dh", length: 256)
            try checkText(auth, "auth", length: 256)
            return WebPushSubscription(endpoint: endpoint, p256dh: p256dh, auth: auth)
        } catch let error as FieldError {
            throw ParleyError(error)
        } catch let error as ParleyError {
            throw error
        } catch {
            throw ParleyError(.internalError, "unexpected")
        }
    }
}
