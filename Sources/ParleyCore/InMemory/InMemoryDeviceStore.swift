public import ParleyModel

public actor InMemoryDeviceStore: DeviceStore {
    /// In the order of registration.
    private var devices: [Device] = []

    public init() {}

    public func register(_ device: Device, maxPerUser: Int) -> DeviceRegistration {
        let place = devices.firstIndex { $0.address.names(theSameAs: device.address) }
        let isGrowing = place.map { devices[$0].userID != device.userID } ?? true
        if isGrowing, devices(of: device.userID).count >= maxPerUser { return .tooMany }
        guard let place else {
            devices.append(device)
            return .added(device)
        }
        devices[place] = Device(
            id: devices[place].id, userID: device.userID, address: device.address, name: device.name,
            createdAt: devices[place].createdAt)
        return .moved(devices[place])
    }

    public func devices(of user: UserID) -> [Device] {
        devices.filter { $0.userID == user }
    }

    public func devices(of users: [UserID]) -> [UserID: [Device]] {
        Dictionary(grouping: devices.filter { users.contains($0.userID) }, by: \.userID)
    }

    public func remove(_ id: DeviceID, of user: UserID) -> Bool {
        let count = devices.count
        devices.removeAll { $0.id == id && $0.userID == user }
        return devices.count < count
    }
}

extension PushAddress {
    /// Byte by byte; a web push subscription whose keys were renewed is still the same device.
    fileprivate func names(theSameAs other: PushAddress) -> Bool {
        kind == other.kind && key.utf8.elementsEqual(other.key.utf8)
    }
}
