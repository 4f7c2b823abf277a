public import ParleyModel

extension InMemoryStore: DeviceStore {
    public func register(_ device: Device, maxPerUser: Int) -> DeviceRegistration {
        let place = devices.firstIndex { $0.address.names(theSameAs: device.address) }
        let isGrowing = place.map { devices[$0].userID != device.userID } ?? true
        if isGrowing, devices(of: device.userID).count >= maxPerUser { return .tooMany }
        guard let place else {
            devices.append(device)
            return .added(device)
        }
        let moved = devices[place].registeredAgain(by: device)
        ledger.move(moved.id, from: devices[place].userID, to: moved.userID)
        devices[place] = moved
        return .moved(moved)
    }

    public func devices(of user: UserID) -> [Device] {
        devices.filter { $0.userID == user }
    }

    public func devices(of users: [UserID]) -> [UserID: [Device]] {
        Dictionary(grouping: devices.filter { users.contains($0.userID) }, by: \.userID)
    }

    public func remove(_ id: DeviceID, of user: UserID) -> Bool {
        remove { $0.id == id && $0.userID == user }
    }

    public func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) -> Bool {
        remove { $0.id == id && $0.userID == user && $0.registeredAt <= moment }
    }

    private func remove(where isMeant: (Device) -> Bool) -> Bool {
        guard let place = devices.firstIndex(where: isMeant) else { return false }
        let device = devices.remove(at: place)
        ledger.forget(device.id, of: device.userID)
        return true
    }
}

extension PushAddress {
    /// Byte by byte; a web push subscription whose keys were renewed is still the same device.
    fileprivate func names(theSameAs other: PushAddress) -> Bool {
        kind == other.kind && key.utf8.elementsEqual(other.key.utf8)
    }
}
