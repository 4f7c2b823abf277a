public import ParleyCore
public import ParleyModel

/// Media, devices, departures and revocations, by pages in the order of their ids. A page says all that there is between the
/// end of the page before it and its own, so that what is gone is removed.
extension PostgresCopyTarget {
    // MARK: Media

    private static let putMedia = PostgresStatement(
        "copy.media",
        """
        INSERT INTO media (media_id, owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at)
        SELECT id, owner, kind, name, size, content_type, url, nullif(width, -1), nullif(height, -1), nullif(duration, -1), created
        FROM unnest(
            $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int8[], $6::text[], $7::text[], $8::int8[], $9::int8[], $10::int8[],
            $11::timestamptz[]
        ) AS new (id, owner, kind, name, size, content_type, url, width, height, duration, created)
        ON CONFLICT (media_id) DO NOTHING
        """)

    /// Media never change and are never removed. Tells how many were new.
    public func putMedia(_ media: [Media]) async throws -> Int {
        let call = Self.putMedia(
            .ids(media.map(\.id)), .ids(media.map(\.ownerID)), .texts(media.map(\.kind.rawValue)), .texts(media.map(\.name)),
            .int64s(media.map(\.size)), .texts(media.map(\.contentType)), .texts(media.map(\.url)),
            .int64s(media.map { $0.width ?? -1 }), .int64s(media.map { $0.height ?? -1 }),
            .int64s(media.map { $0.durationMilliseconds ?? -1 }), .timestamps(media.map(\.createdAt)))
        return try await write { transaction throws(PostgresFailure) in try transaction.run(call).changed }
    }

    // MARK: Devices

    private static let removeDevices = PostgresStatement(
        "copy.devices.remove",
        """
        DELETE FROM devices WHERE ($1::uuid IS NULL OR device_id > $1) AND ($2::uuid IS NULL OR device_id <= $2)
            AND NOT device_id = ANY ($3::uuid[])
        """)
    /// An address that was registered anew has a new device, whose place in the order of ids may come first.
    private static let removeAddresses = PostgresStatement(
        "copy.devices.addresses",
        """
        DELETE FROM devices AS d USING unnest($1::uuid[], $2::text[], $3::text[]) AS new (id, kind, address)
        WHERE d.kind = new.kind AND d.address_digest = sha256(convert_to(new.address, 'UTF8')) AND d.device_id <> new.id
        """)
    private static let putDevices = PostgresStatement(
        "copy.devices.put",
        """
        INSERT INTO devices AS d (device_id, number, user_id, kind, address_key, address_digest, p256dh, auth, name, created_at,
            registered_at)
        OVERRIDING SYSTEM VALUE
        SELECT id, number, user_id, kind, address, sha256(convert_to(address, 'UTF8')), p256dh, auth, name, created, registered FROM unnest(
            $1::uuid[], $2::int8[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
            $10::timestamptz[]
        ) AS new (id, number, user_id, kind, address, p256dh, auth, name, created, registered)
        ON CONFLICT (device_id) DO UPDATE SET
            user_id = excluded.user_id, p256dh = excluded.p256dh, auth = excluded.auth, name = excluded.name,
            created_at = excluded.created_at, registered_at = excluded.registered_at
        WHERE (d.user_id, d.p256dh, d.auth, d.name, d.created_at, d.registered_at) IS DISTINCT FROM
            (excluded.user_id, excluded.p256dh, excluded.auth, excluded.name, excluded.created_at, excluded.registered_at)
        """)
    /// Devices that nodes add come after those that were copied.
    private static let numberDevices = PostgresStatement(
        "copy.devices.number",
        """
        SELECT setval(pg_get_serial_sequence('devices', 'number'), greatest(
            (SELECT max(new) FROM unnest($1::int8[]) AS new), nextval(pg_get_serial_sequence('devices', 'number'))))
        """)

    /// Makes the devices between two ids what a page says. Tells how many rows changed.
    /// - Parameter through: The last id on the page; nil for the last page.
    public func putDevices(_ records: [CopiedDevice], after: DeviceID?, through: DeviceID?) async throws -> Int {
        let devices = records.map(\.device)
        let (kinds, keys) = (devices.map(\.address.kind.rawValue), devices.map(\.address.key))
        let remove = [
            Self.removeDevices(.id(after), .id(through), .ids(devices.map(\.id))),
            Self.removeAddresses(.ids(devices.map(\.id)), .texts(kinds), .texts(keys)),
        ]
        let put = Self.putDevices(
            .ids(devices.map(\.id)), .int64s(records.map(\.number)), .ids(devices.map(\.userID)), .texts(kinds), .texts(keys),
            .texts(devices.map(\.address.subscription?.p256dh)), .texts(devices.map(\.address.subscription?.auth)),
            .texts(devices.map(\.name)), .timestamps(devices.map(\.createdAt)), .timestamps(devices.map(\.registeredAt)))
        let numbers = Self.numberDevices(.int64s(records.map(\.number)))
        return try await write { transaction throws(PostgresFailure) in
            let answers = try transaction.run(remove + [put])
            let changed = answers.reduce(0) { $0 + $1.changed }
            if answers[2].changed > 0 { _ = try transaction.run(numbers) }
            return changed
        }
    }

    // MARK: Departures

    private static let removeDepartures = PostgresStatement(
        "copy.departures.remove",
        """
        DELETE FROM departures AS d WHERE ($1::uuid IS NULL OR user_id > $1) AND ($2::uuid IS NULL OR user_id <= $2)
            AND NOT EXISTS (
                SELECT 1 FROM unnest($3::uuid[], $4::uuid[]) AS new (user_id, conversation_id)
                WHERE new.user_id = d.user_id AND new.conversation_id = d.conversation_id
            )
        """)
    private static let putDepartures = PostgresStatement(
        "copy.departures.put",
        """
        INSERT INTO departures AS d (user_id, conversation_id, left_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET left_at = excluded.left_at WHERE d.left_at <> excluded.left_at
        """)

    /// Makes the departures of the users between two what a page says. Tells how many rows changed.
    /// - Parameter through: The last user on the page; nil for the last page.
    public func putDepartures(_ departures: [CopiedDeparture], after: UserID?, through: UserID?) async throws -> Int {
        let (users, conversations) = (PostgresValue.ids(departures.map(\.userID)), PostgresValue.ids(departures.map(\.conversationID)))
        let calls = [
            Self.removeDepartures(.id(after), .id(through), users, conversations),
            Self.putDepartures(users, conversations, .timestamps(departures.map(\.leftAt))),
        ]
        return try await write { transaction throws(PostgresFailure) in
            try transaction.run(calls).reduce(0) { $0 + $1.changed }
        }
    }

    // MARK: Revocations

    private static let putRevocations = PostgresStatement(
        "copy.revocations",
        """
        INSERT INTO token_revocations AS r (user_id, issued_before) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
        ON CONFLICT (user_id) DO UPDATE SET issued_before = excluded.issued_before WHERE r.issued_before < excluded.issued_before
        """)

    /// Revocations only advance. Tells how many did.
    public func putRevocations(_ revocations: [CopiedRevocation]) async throws -> Int {
        let call = Self.putRevocations(.ids(revocations.map(\.userID)), .timestamps(revocations.map(\.issuedBefore)))
        return try await write { transaction throws(PostgresFailure) in try transaction.run(call).changed }
    }
}
