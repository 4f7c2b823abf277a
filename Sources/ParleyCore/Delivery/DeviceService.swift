public import ParleyModel

/// A user's push devices: registering, listing, removing.
public struct DeviceService: Sendable {
    /// Devices that one user may have.
    public static let maxPerUser = 50

    let store: any DeviceStore
    let timeSource: any TimeSource
    let endpointSchemes: [String]
    let checkSubscription: SubscriptionCheck

    /// Refuses what no notification could ever be sent to. The form of its fields is checked already.
    public typealias SubscriptionCheck = @Sendable (WebPushSubscription) throws(ParleyError) -> Void

    public init(
        store: any DeviceStore, timeSource: any TimeSource, endpointSchemes: [String] = ["https"],
        checkSubscription: @escaping SubscriptionCheck = { _ throws(ParleyError) in }
    ) {
        self.store = store
        self.timeSource = timeSource
        self.endpointSchemes = endpointSchemes
        self.checkSubscription = checkSubscription
    }

    /// Registers a device; `added` is false when its address was known and has been moved to this user.
    public func register(_ draft: DeviceDraft, as caller: Caller) async throws(ParleyError) -> (device: Device, added: Bool) {
        let device = try draft.checked(
            id: .random(), user: try caller.requiredUser(), at: timeSource.now(), endpointSchemes: endpointSchemes)
        if case .webPush(let subscription) = device.address { try checkSubscription(subscription) }
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
