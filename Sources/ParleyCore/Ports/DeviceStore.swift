public import ParleyModel

public enum DeviceRegistration: Sendable, Equatable {
    case added(Device)
    /// The address was registered before, by the same user or another one: it is this user's now, under its old id, and counts as
    /// registered anew.
    case moved(Device)
    case tooMany
}

/// Remembers push devices. An address belongs to one user at a time.
public protocol DeviceStore: Sendable {
    func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration

    /// A user's devices, oldest first.
    func devices(of user: UserID) async throws(StoreError) -> [Device]

    /// The devices of those users who have any.
    func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]]

    /// False when the user has no such device.
    func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool

    /// Removes a device that a push service says was gone at that moment, unless it has been registered again after it. False
    /// when nothing was removed.
    func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool
}
