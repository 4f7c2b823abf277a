import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// Whatever is asked is found by an index: PostgreSQL counts the tables that it read from one end to the other.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresIndexTests {
    /// 3,000 conversations of 2 of 200 users, one group of 5,000, a device and a medium of each user.
    private static let seed = [
        """
        INSERT INTO conversations (conversation_id, type, created_by, created_at, changed_at, participant_count, created_activity, activity)
        SELECT md5('c' || n)::uuid, 'group', md5('u')::uuid, now(), now(), 2, n, n FROM generate_series(1, 3000) AS n
        """,
        "INSERT INTO conversation_sequences SELECT conversation_id, 0 FROM conversations ON CONFLICT DO NOTHING",
        """
        INSERT INTO participants (conversation_id, user_id, role, joined_at, changed_at, last_read_sequence)
        SELECT md5('c' || n)::uuid, md5('u' || (n * k) % 200)::uuid, 'owner', now(), now(), 0
        FROM generate_series(1, 3000) AS n, generate_series(1, 2) AS k ON CONFLICT DO NOTHING
        """,
        """
        INSERT INTO participants (conversation_id, user_id, role, joined_at, changed_at, last_read_sequence)
        SELECT md5('c1')::uuid, md5('m' || n)::uuid, 'member', now(), now(), 0 FROM generate_series(1, 5000) AS n
        """,
        """
        INSERT INTO devices (device_id, user_id, kind, address_key, address_digest, created_at)
        SELECT md5('d' || n)::uuid, md5('u' || n)::uuid, 'fcm', 't' || n, sha256(convert_to('t' || n, 'UTF8')), now()
        FROM generate_series(1, 2000) AS n
        """,
        """
        INSERT INTO media SELECT md5('x' || n)::uuid, md5('u')::uuid, 'image', '', 1, '', '', 1, 1, 1, now() FROM generate_series(1, 2000) AS n
        """,
        "INSERT INTO notification_settings SELECT md5('u' || n)::uuid, NULL, 'UTC', NULL, NULL, NULL FROM generate_series(1, 2000) AS n ON CONFLICT DO NOTHING",
        "INSERT INTO push_devices SELECT md5('u' || n)::uuid, md5('d' || n)::uuid, 1, 0 FROM generate_series(1, 2000) AS n ON CONFLICT DO NOTHING",
        """
        INSERT INTO push_alerts
        SELECT md5('d' || n)::uuid, left(md5('m' || n), 24), md5('c1')::uuid, md5('u' || n)::uuid, 1, true, now(), md5('w')::uuid, 0
        FROM generate_series(1, 2000) AS n
        """,
        "INSERT INTO push_shown SELECT md5('u' || n)::uuid, md5('c1')::uuid, md5('d' || n)::uuid, 1 FROM generate_series(1, 2000) AS n",
        """
        INSERT INTO push_take_backs SELECT md5('u' || n)::uuid, md5('c' || n)::uuid, 1, now() FROM generate_series(3, 2000) AS n
        """,
        "INSERT INTO attendances SELECT md5('a' || n)::uuid, '00000000a1', now(), NULL, NULL FROM generate_series(1, 2000) AS n",
        "INSERT INTO attendances SELECT md5('b' || n)::uuid, '00000000a1', now(), now(), now() + interval '1 year' FROM generate_series(1, 2000) AS n",
        "INSERT INTO token_revocations SELECT md5('r' || n)::uuid, now() FROM generate_series(1, 2000) AS n",
        "INSERT INTO departures SELECT md5('u' || n)::uuid, md5('c2')::uuid, now() FROM generate_series(1, 2000) AS n",
    ]

    @Test func `no question reads a whole table`() async throws {
        try await withPool(try await TestDatabase().url, connections: 1) { pool in
            for sql in Self.seed + ["VACUUM ANALYZE"] { _ = try await pool.text(sql) }
            let before = try await scans(pool)
            try await askEverything(pool)
            #expect(try await scans(pool) == before)
        }
    }

    @Test func `nor does one that was prepared while the tables were empty, before there are statistics`() async throws {
        try await withPool(try await TestDatabase().url, connections: 1) { pool in
            try await askEverything(pool)
            for sql in Self.seed { _ = try await pool.text(sql) }
            let before = try await scans(pool)
            try await askEverything(pool)
            #expect(try await scans(pool) == before)
        }
    }

    /// With an index on users alone, or by reading an index from one end to the other, no table is scanned either.
    @Test func `the standings of a few are a few rows of the primary key, also in a large group`() async throws {
        try await withPool(try await TestDatabase().url, connections: 1) { pool in
            let store = PostgresConversationStore(pool, facts: NoFacts())
            _ = try await store.pushStandings(of: [:])
            for sql in Self.seed { _ = try await pool.text(sql) }
            let group = try #require(ConversationID(try await pool.text("SELECT md5('c1')::uuid::text") ?? ""))
            let member = try #require(UserID(try await pool.text("SELECT md5('m1')::uuid::text") ?? ""))
            var asked = [group: Sample.users(3) + [member]]
            for _ in 0..<20 { asked[.random()] = [member] }
            let before = try await participantsRead(pool)
            #expect(try await store.pushStandings(of: asked).mapValues { Set($0.keys) } == [group: [member]])
            let after = try await participantsRead(pool)
            #expect(after.all - before.all == 1 && after.byKey - before.byKey == 1)
        }
    }

    /// Entries that were read of all indexes of participants, and of the primary key.
    private func participantsRead(_ pool: PostgresDatabase) async throws -> (all: Int, byKey: Int) {
        _ = try await pool.text("SELECT pg_stat_force_next_flush()::text")
        let read = "SELECT sum(idx_tup_read)::text FROM pg_stat_user_indexes WHERE relname = 'participants'"
        let all = try await pool.text(read)
        let byKey = try await pool.text(read + " AND indexrelname = 'participants_pkey'")
        return (try #require(Int(all ?? "")), try #require(Int(byKey ?? "")))
    }

    private func scans(_ pool: PostgresDatabase) async throws -> String? {
        _ = try await pool.text("SELECT pg_stat_force_next_flush()::text")
        return try await pool.text(
            "SELECT string_agg(relname || ' ' || seq_scan, ', ' ORDER BY relname) FROM pg_stat_user_tables WHERE relname <> 'parley_migrations'"
        )
    }

    private func askEverything(_ pool: PostgresDatabase) async throws {
        let store = PostgresConversationStore(pool, facts: NoFacts())
        let conversation = try #require(ConversationID(try await pool.text("SELECT md5('c1')::uuid::text") ?? ""))
        let user = try #require(UserID(try await pool.text("SELECT md5('u1')::uuid::text") ?? ""))
        let (now, others) = (Sample.start, Sample.users(3))
        let direct = try await store.direct(between: user, and: others[0], id: .random(), at: now).conversationID
        _ = try await store.direct(between: user, and: others[0], id: .random(), at: now)
        try await store.createGroup(id: .random(), title: nil, creator: user, others: others, at: now)
        for id in [direct, conversation] {
            let stands = try await store.view(of: id, for: user)?.conversation.lastSequence ?? 0
            _ = try await store.apply(
                MetadataUpdate(
                    conversationID: id, first: stands + 1, last: stands + 5,
                    lastMessage: LastMessage(id: Sample.messageID(), at: now, preview: ""), sentBy: [others[0]: 5]))
            _ = try await store.advanceDelivered(of: user, in: id, to: stands + 2, at: now)
            _ = try await store.advanceRead(of: user, in: id, to: stands + 3, at: now)
            _ = try await store.receiptCounts(of: id, at: 1)
            _ = try await store.participants(of: id, limit: 10, cursor: nil)
            _ = try await store.participants(of: id, limit: 10, cursor: "\(user)")
            _ = try await store.participantIDs(of: id, after: nil, limit: 10)
            _ = try await store.participantIDs(of: id, after: user, limit: 10)
            _ = try await store.role(of: user, in: id)
            _ = try await store.setMute(.forever, for: user, in: id, at: now)
            _ = try await store.setNotificationLevel(.none, for: user, in: id, at: now)
            _ = try await store.pushStandings(of: [id: others + [user], .random(): [user]])
            _ = try await store.rename(id, to: "Title", at: now)
            _ = try await store.exists(id)
        }
        _ = try await store.setRole(of: others[1], in: conversation, to: .member, maxParticipants: 99_999, at: now)
        _ = try await store.remove(others[1], from: conversation, at: now)
        let page = try await store.list(for: user, limit: 1, cursor: nil)
        _ = try await store.list(for: user, limit: 1, cursor: page.nextCursor)
        _ = try await store.conversationIDs(of: user)
        _ = try await store.sharing(with: user, among: others)
        _ = try await store.standings(of: user, since: ActivityMark(5))
        _ = try await store.missedChanges(of: user, since: Sample.time(-9), maxParticipants: 100)
        let left = try await store.departures(since: Sample.time(-9), after: nil, limit: 5)
        _ = try await store.departures(since: Sample.time(-9), after: left.last, limit: 5)
        _ = try await store.heads(after: try await store.heads(after: nil).mark)
        _ = try await PostgresConversationFacts(pool).existing(among: [conversation, .random()])
        for id in [direct, conversation] { try await askLedger(pool, store, id, user) }
        try await askOthers(pool, user)
    }

    private func askLedger(
        _ pool: PostgresDatabase, _ store: PostgresConversationStore, _ conversation: ConversationID, _ user: UserID
    ) async throws {
        let (ledger, devices, now) = (PostgresPushLedger(pool), PostgresDeviceStore(pool), Sample.start)
        let device = Sample.device(.apns(token: "alerted"), of: user)
        _ = try await devices.register(device, maxPerUser: 20)
        let alerts = (0..<3).map { number in
            IntendedAlert(
                key: AlertKey(messageID: Sample.messageID(), deviceID: device.id), conversationID: conversation, userID: user,
                sequenceNumber: number)
        }
        _ = try await ledger.claim(alerts, until: Sample.time(60), at: now)
        try await ledger.settle(
            [alerts[0].key: .sent(badge: 3), alerts[1].key: .sent(badge: nil), alerts[2].key: .released], at: now)
        let stands = try await store.view(of: conversation, for: user)?.readState.lastReadSequence ?? 0
        _ = try await store.advanceRead(of: user, in: conversation, to: stands + 1, at: now)
        for attempt in 1...2 {
            let due = try await ledger.leaseTakeBacks(limit: 10, seconds: 60, at: now)
            #expect(due.isEmpty == (stands == 0))
            try await ledger.finishTakeBacks(
                due.map { ($0, attempt == 1 ? .retry(after: -1) : .done(badges: [device.id: 1])) }, at: now)
        }
        _ = try await ledger.unreadTotals(of: [user, .random()])
        _ = try await ledger.forgetAlerts(before: Sample.time(-1), limit: 10)
        // To another user, and away.
        let other = UserID.random()
        _ = try await devices.register(Sample.device(.apns(token: "alerted"), of: other), maxPerUser: 20)
        _ = try await devices.remove(device.id, of: other)
        let settings = PostgresNotificationSettingsStore(pool)
        try await settings.setNotificationSettings(.unsaid, of: user)
        _ = try await settings.notificationSettings(of: [user, .random()])
    }

    private func askOthers(_ pool: PostgresDatabase, _ user: UserID) async throws {
        let media = PostgresMediaStore(pool, facts: SentEverywhere())
        _ = try await media.media([.random(), .random()])
        _ = try await media.wasSent(.random(), whereParticipates: user)
        let devices = PostgresDeviceStore(pool)
        let device = Sample.device(.fcm(token: "a token"), of: user)
        _ = try await devices.register(device, maxPerUser: 20)
        _ = try await devices.register(device, maxPerUser: 20)
        _ = try await devices.devices(of: [user, .random()])
        _ = try await devices.remove(device.id, of: user)
        try await askAttendances(pool, user)
        let revocations = PostgresTokenRevocationStore(pool)
        try await revocations.revoke(user, before: Sample.start)
        _ = try await revocations.revokedBefore(of: user)
    }

    private func askAttendances(_ pool: PostgresDatabase, _ user: UserID) async throws {
        let (attendances, node, now) = (PostgresAttendanceStore(pool), NodeID(0xB2), Sample.start)
        try await PostgresNodeRegister(pool).renew(NodeID(0xA1), dueFrom: 0, seconds: 60)
        try await attendances.began([user, .random()], at: node, since: now)
        try await attendances.ended([EndedAttendance(userID: user, since: now, seenUntil: now)], at: node, dueAt: now)
        let looks = try await attendances.leaseLooks(limit: 10, seconds: 60, at: now)
        _ = try await attendances.unread(in: looks)
        try await attendances.finishLooks(looks.map { ($0, .attendedElsewhere) })
        #expect(try await attendances.endedOfLostNodes(dueAt: Sample.time(1e9)) == 1)
        try await attendances.ended(node: node, dueAt: now)
    }

    private struct SentEverywhere: MessageFacts {
        func conversations(inWhichWasSent id: MediaID) -> [ConversationID] { [.random(), .random()] }
        func firstSequence(in conversations: [ConversationID], storedAfter time: Timestamp) -> [ConversationID: Int64] { [:] }
        func sentCount(in conversation: ConversationID, by user: UserID, after: Int64, through: Int64) -> Int64 { 0 }
    }
}
