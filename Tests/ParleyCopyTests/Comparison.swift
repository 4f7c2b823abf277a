import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyStores
import Testing

/// Asks both sides the same through the ports, and expects the same answers.
struct Comparison {
    let world: SampleWorld
    let source: SampleStores
    let target: TestCluster

    func run() async throws {
        try await compareConversations()
        try await compareUsers()
        try await compareMessages()
        try await compareOthers()
        let proofs = (try await SQLiteVerifier(source.database).verify(), try await target.verify())
        #expect(proofs.0.findings == [])
        #expect(proofs.1.findings == [])
        #expect(proofs.1.unappliedMessages == 0)
        #expect(proofs.0.messages == proofs.1.messages && proofs.0.participants == proofs.1.participants)
        #expect(proofs.0.conversations == proofs.1.conversations && proofs.0.conversations == world.conversations.count)
    }

    private func compareConversations() async throws {
        for id in world.conversations {
            #expect(
                try await source.conversations.participants(of: id, limit: 100, cursor: nil).participants
                    == target.conversations.participants(of: id, limit: 100, cursor: nil).participants)
            #expect(
                try await source.conversations.pushStandings(of: world.users, in: id)
                    == target.conversations.pushStandings(of: world.users, in: id))
            #expect(try await source.conversations.receiptCounts(of: id, at: 3) == target.conversations.receiptCounts(of: id, at: 3))
        }
    }

    private func compareUsers() async throws {
        for user in world.users {
            let views = (try await list(source.conversations, user), try await list(target.conversations, user))
            // Conversations without messages that were made one after the other share a place.
            #expect(views.0.filter { $0.conversation.lastSequence > 0 } == views.1.filter { $0.conversation.lastSequence > 0 })
            #expect(Set(views.0.map(\.conversation.id)) == Set(views.1.map(\.conversation.id)))
            #expect(
                views.0.sorted { $0.conversation.id < $1.conversation.id } == views.1.sorted { $0.conversation.id < $1.conversation.id })
            for since in [0.0, world.seconds / 2] {
                let changes = (
                    try await source.conversations.missedChanges(of: user, since: time(since), maxParticipants: 100),
                    try await target.conversations.missedChanges(of: user, since: time(since), maxParticipants: 100)
                )
                #expect(changes.0.conversations.sorted() == changes.1.conversations.sorted())
                #expect(changes.0.left.sorted() == changes.1.left.sorted())
                #expect(Set(changes.0.markers.map { "\($0)" }) == Set(changes.1.markers.map { "\($0)" }))
            }
            try await compareStandings(user)
        }
    }

    /// A client's mark of the folder still tells where it stood, to within what it missed.
    private func compareStandings(_ user: UserID) async throws {
        let newest = try await source.messages.lastPosition().value
        for mark in [0, newest / 2, newest - 5, newest] {
            let mark = ActivityMark(max(0, mark))
            let then = Dictionary(
                uniqueKeysWithValues: try await source.conversations.standings(of: user, since: mark).conversations
                    .map { ($0.conversationID, $0) })
            let now = try await target.conversations.standings(of: user, since: mark).conversations
            #expect(now.count == then.count)
            for standing in now {
                let real = try #require(then[standing.conversationID])
                #expect(standing.lastSequence == real.lastSequence && standing.joinedAt == real.joinedAt)
                #expect(standing.sequenceAtMark <= real.sequenceAtMark)
                let missed = real.lastSequence - real.sequenceAtMark
                #expect(standing.lastSequence - standing.sequenceAtMark <= 2 * missed)
            }
        }
    }

    private func compareMessages() async throws {
        let messages = target.messages
        for id in world.conversations {
            let here = try await source.messages.history(of: id, .after(0), limit: 100_000)
            #expect(try await messages.history(of: id, .after(0), limit: 100_000) == here)
        }
        for (conversation, sender, key) in world.keys {
            let found = try await source.messages.message(in: conversation, from: sender, clientMessageID: key)
            #expect(found != nil)
            #expect(try await messages.message(in: conversation, from: sender, clientMessageID: key) == found)
        }
    }

    private func compareOthers() async throws {
        let ids = world.media.map(\.id)
        #expect(try await source.media.media(ids) == target.media.media(ids))
        for user in world.users {
            for id in ids {
                #expect(
                    try await source.media.wasSent(id, whereParticipates: user) == target.media.wasSent(id, whereParticipates: user))
            }
            #expect(try await source.devices.devices(of: user) == PostgresDeviceStore(target.postgres).devices(of: user))
            #expect(
                try await source.revocations.revokedBefore(of: user)
                    == PostgresTokenRevocationStore(target.postgres).revokedBefore(of: user))
        }
        #expect(
            try await source.settings.notificationSettings(of: world.users)
                == PostgresNotificationSettingsStore(target.postgres).notificationSettings(of: world.users))
        try await compareLedgers()
        let letters = try await source.queue.deadLetters(limit: 100, after: nil)
        #expect(try await target.queue.deadLetters(limit: 100, after: nil) == letters)
    }

    /// What was sent is not sent again, and the rest is.
    private func compareLedgers() async throws {
        let reader = SQLiteCopySource(source.database)
        let alerts = try await reader.alerts(after: nil)
        let sent = try await target.sql(
            "SELECT device_id, message_id, conversation_id, user_id, sequence_number FROM push_alerts ORDER BY message_id, device_id")
        let expected = alerts.map {
            "\($0.key.deviceID)|\($0.key.messageID)|\($0.conversationID)|\($0.userID)|\($0.sequenceNumber.map(String.init) ?? "")"
        }
        #expect(sent.split(separator: "\n").map(String.init) == expected)
        let showings = try await reader.showings(after: nil)
        let shown = try await target.sql("SELECT user_id, device_id, badge, reads FROM push_devices ORDER BY user_id, device_id")
        let devices = showings.flatMap { showing in showing.devices.map { "\(showing.userID)|\($0.id)|\($0.badge)|\($0.reads)" } }
        #expect(shown.split(separator: "\n").map(String.init) == devices)
        let counts = try await target.sql("SELECT user_id, conversation_id, device_id, alerts FROM push_shown")
        let alertCounts = showings.flatMap { showing in
            showing.alerts.map { "\(showing.userID)|\($0.conversationID)|\($0.deviceID)|\($0.count)" }
        }
        #expect(Set(counts.split(separator: "\n").map(String.init)) == Set(alertCounts))
        let due = try await target.sql("SELECT user_id, conversation_id, last_read_sequence, attempts FROM push_take_backs")
        let takeBacks = showings.flatMap { showing in
            showing.takeBacks.map { "\(showing.userID)|\($0.conversationID)|\($0.lastReadSequence)|\($0.attempts)" }
        }
        #expect(Set(due.split(separator: "\n").map(String.init)) == Set(takeBacks))
        let gone = try await target.sql(
            """
            SELECT user_id, node_id, (extract(epoch FROM since) * 1000)::int8, (extract(epoch FROM seen_until) * 1000)::int8,
                (extract(epoch FROM due_at) * 1000)::int8
            FROM attendances ORDER BY user_id, node_id
            """)
        let attendances = try await reader.attendances(after: nil).map {
            let seen = $0.seenUntil.map { "\($0.milliseconds)" } ?? ""
            return "\($0.key.userID)|\($0.key.node)|\($0.since.milliseconds)|\(seen)|\($0.dueAt.milliseconds)"
        }
        #expect(gone.split(separator: "\n").map(String.init) == attendances)
    }

    private func list(_ store: any ConversationStore, _ user: UserID) async throws -> [ConversationView] {
        var views: [ConversationView] = []
        var cursor: String?
        repeat {
            let page = try await store.list(for: user, limit: 3, cursor: cursor)
            views += page.views
            cursor = page.nextCursor
        } while cursor != nil
        return views
    }

    private func time(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: 1_767_225_600_000).advanced(bySeconds: seconds) }
}
