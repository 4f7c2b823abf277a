import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// The tables as other programs read them: names, types and counters, in plain SQL.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresContractTests {
    @Test func `the tables have the columns of the contract`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let columns = try await pool.text(
                """
                SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM information_schema.columns
                WHERE table_name = 'conversations' AND ordinal_position <= 9
                """)
            #expect(
                columns == """
                    conversation_id uuid, type text, user1_id uuid, user2_id uuid, last_message_id text, \
                    last_message_at timestamp with time zone, last_message_preview text, unread_count_user1 integer, \
                    unread_count_user2 integer
                    """)
            let sequences = try await pool.text(
                """
                SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position) FROM information_schema.columns
                WHERE table_name = 'conversation_sequences'
                """)
            #expect(sequences == "conversation_id uuid, sequence_number bigint")
        }
    }

    @Test func `a message raises the counter of who did not send it, and reading lowers it`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let stores = StoreSubject(postgres: pool)
            let users = Sample.users(2).sorted()
            let id = try await stores.conversations.direct(between: users[1], and: users[0], id: .random(), at: Sample.start).conversationID
            func counters() async throws -> String? {
                try await pool.text(
                    """
                    SELECT concat_ws(' ', type, user1_id = '\(users[0])', user2_id = '\(users[1])', unread_count_user1, unread_count_user2,
                        last_message_preview, sequence_number)
                    FROM conversations JOIN conversation_sequences USING (conversation_id) WHERE conversation_id = '\(id)'
                    """)
            }
            #expect(try await counters() == "direct t t 0 0 0")
            let last = try await stores.send((0..<5).map { Sample.draft(in: id, from: users[$0 % 2], "Text \($0)") })[4].storedMessage
            #expect(try await counters() == "direct t t 2 3 Text 4 5")
            let message = try await pool.text("SELECT last_message_id FROM conversations")
            #expect(message == last?.id.description)
            _ = try await stores.conversations.advanceRead(of: users[0], in: id, to: 3)
            #expect(try await counters() == "direct t t 1 3 Text 4 5")
            try await stores.send(2, in: id, from: users[1])
            _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 99)
            #expect(try await counters() == "direct t t 3 0 Message 1 7")
        }
    }

    @Test func `counters stay what the counts are, whoever sends and reads at once`() async throws {
        try await withPool(try await TestDatabase().url, connections: 8) { pool in
            let stores = StoreSubject(postgres: pool)
            let users = Sample.users(2).sorted()
            let id = try await stores.conversations.direct(between: users[0], and: users[1], id: .random(), at: Sample.start).conversationID
            _ = try await concurrently(8) { task in
                for number in 0..<15 as Range<Int64> {
                    if task % 2 == 0 {
                        try await stores.send(2, in: id, from: users[task / 2 % 2])
                    } else {
                        _ = try await stores.conversations.advanceRead(of: users[task / 2 % 2], in: id, to: number * 7)
                    }
                }
            }
            let counters = try await pool.text("SELECT unread_count_user1 || ' ' || unread_count_user2 FROM conversations")
            #expect(counters == "\(try await stores.unread(id, users[0])) \(try await stores.unread(id, users[1]))")
            #expect(
                try await pool.text(
                    "SELECT last_sequence || ' ' || sequence_number FROM conversations JOIN conversation_sequences USING (conversation_id)")
                    == "120 120")
        }
    }

    @Test func `50 tasks over two pools make one direct conversation of a pair`() async throws {
        let url = try await TestDatabase().url
        try await withPool(url, connections: 8) { one in
            try await withPool(url, connections: 8) { other in
                let stores = [one, other].map { PostgresConversationStore($0, facts: NoFacts()) }
                let users = Sample.users(2)
                let answers = try await concurrently(50) { number in
                    try await stores[number % 2].direct(
                        between: users[number / 2 % 2], and: users[1 - number / 2 % 2], id: .random(), at: Sample.start)
                }
                #expect(Set(answers.map(\.conversationID)).count == 1)
                #expect(answers.count { $0.created } == 1)
                #expect(try await one.text("SELECT count(*) || ' ' || sum(participant_count) FROM conversations") == "1 2")
                #expect(try await one.text("SELECT count(*)::text FROM participants") == "2")
            }
        }
    }
}
