public import ParleyCore
public import ParleyModel

/// Push devices in PostgreSQL.
public struct PostgresDeviceStore: DeviceStore {
    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    // MARK: Registering

    /// Registrations of one user take turns, so that their number is certain; the hash is only ever too coarse.
    private static let lock = PostgresStatement(
        "device.lock", "SELECT pg_advisory_xact_lock(hashtextextended('parley.devices.' || $1::uuid::text, 0))")
    private static let count = PostgresStatement("device.count", "SELECT count(*) FROM devices WHERE user_id = $1")
    private static let findAddress = PostgresStatement(
        "device.address",
        """
        SELECT \(columns) FROM devices WHERE kind = $1 AND address_digest = sha256(convert_to($2, 'UTF8')) FOR UPDATE
        """)

    public func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration {
        try await database.run { connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                _ = try transaction.run(Self.lock(.id(device.userID)))
                while true {
                    if let outcome = try Self.register(device, maxPerUser, transaction) { return outcome }
                    // Somebody else registered the address in between; look again.
                }
            }
        }
    }

    private static func register(
        _ device: Device, _ maxPerUser: Int, _ transaction: PostgresTransaction
    ) throws(PostgresFailure) -> DeviceRegistration? {
        let rows = try transaction.run([
            findAddress(.text(device.address.kind.rawValue), .text(device.address.key)), count(.id(device.userID)),
        ])
        let known = try rows[0].map(Self.device).first
        if known?.userID != device.userID, try rows[1][0].int64(0) >= maxPerUser { return .tooMany }
        guard let known else { return try transaction.run(insertion(of: device)).changed == 1 ? .added(device) : nil }
        let moved = known.registeredAgain(by: device)
        _ = try transaction.run([replacement(by: moved)] + PostgresAlerts.move(moved.id, from: known.userID, to: moved.userID))
        return .moved(moved)
    }

    private static let insert = PostgresStatement(
        "device.insert",
        """
        INSERT INTO devices (device_id, user_id, kind, address_key, address_digest, p256dh, auth, name, created_at, registered_at)
        VALUES ($1, $2, $3, $4, sha256(convert_to($4, 'UTF8')), $5, $6, $7, $8, $9)
        ON CONFLICT (kind, address_digest) DO NOTHING
        """)

    private static func insertion(of device: Device) -> PostgresCall {
        insert(
            .id(device.id), .id(device.userID), .text(device.address.kind.rawValue), .text(device.address.key),
            .text(device.address.subscription?.p256dh), .text(device.address.subscription?.auth), .text(device.name),
            .timestamp(device.createdAt), .timestamp(device.registeredAt))
    }

    private static let replace = PostgresStatement(
        "device.replace",
        "UPDATE devices SET user_id = $2, p256dh = $3, auth = $4, name = $5, registered_at = $6 WHERE device_id = $1")

    private static func replacement(by device: Device) -> PostgresCall {
        replace(
            .id(device.id), .id(device.userID), .text(device.address.subscription?.p256dh), .text(device.address.subscription?.auth),
            .text(device.name), .timestamp(device.registeredAt))
    }

    // MARK: Reading and removing

    /// What ``device(_:)`` reads.
    private static let columns = "device_id, user_id, kind, address_key, p256dh, auth, name, created_at, registered_at"
    private static let find = PostgresStatement(
        "device.find",
        """
        SELECT \(columns) FROM devices
        WHERE user_id = ANY ($1) ORDER BY user_id, created_at, number
        """)

    public func devices(of user: UserID) async throws(StoreError) -> [Device] {
        try await devices(of: [user])[user] ?? []
    }

    public func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
        guard !users.isEmpty else { return [:] }
        let found = try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.find(.ids(users))).map(Self.device)
        }
        return Dictionary(grouping: found, by: \.userID)
    }

    private static func device(_ row: PostgresRow) throws(PostgresFailure) -> Device {
        let address: PushAddress
        switch DeviceKind(rawValue: try row.text(2)) {
        case .apns: address = .apns(token: try row.text(3))
        case .fcm: address = .fcm(token: try row.text(3))
        case .webpush:
            address = .webPush(WebPushSubscription(endpoint: try row.text(3), p256dh: try row.text(4), auth: try row.text(5)))
        case nil: throw .damaged("an unknown kind of device")
        }
        return Device(
            id: try row.id(0), userID: try row.id(1), address: address, name: try row.optionalText(6), createdAt: try row.timestamp(7),
            registeredAt: try row.timestamp(8))
    }

    private static let delete = PostgresStatement(
        "device.delete", "DELETE FROM devices WHERE device_id = $1 AND user_id = $2 AND registered_at <= $3")

    public func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool {
        try await remove(id, of: user, ifRegisteredBefore: .distantFuture)
    }

    public func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool {
        try await database.run { connection throws(PostgresFailure) in
            let calls = [Self.delete(.id(id), .id(user), .timestamp(moment))] + PostgresAlerts.forgetRemoved(id, of: user)
            return try connection.write(calls)[0].changed == 1
        }
    }
}
