import GRDB
import Logging
import ParleyCore
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyStores

@Suite(.timeLimit(.minutes(5)))
struct SQLitePushLedgerTests {
    @Test func `reading costs one look-up by an index while nothing was told to a device of the user`() async throws {
        try await withDatabase { database in
            let stores = SQLiteConversationStore(database)
            let messages = SQLiteMessageStore(database)
            let users = Sample.users(2)
            let id = ConversationID.random()
            try await stores.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
            _ = try await messages.append((0..<9).map { Sample.draft(in: id, from: users[0], "\($0)") })
            let device = Sample.device(.apns(token: "t"), of: users[1])
            _ = try await SQLiteDeviceStore(database).register(device, maxPerUser: 10)
            _ = try await stores.advanceRead(of: users[1], in: id, to: 1, at: Sample.start)
            let asked = try await Self.statements(of: database) {
                _ = try await stores.advanceRead(of: users[1], in: id, to: 2, at: Sample.start)
            }
            #expect(asked.count == 1 && asked.first?.hasPrefix("SELECT max(badge)") == true, "\(asked)")
            for sql in asked { #expect(try await Self.plan(of: sql, database) == ["SEARCH push_devices USING PRIMARY KEY (user_id=?)"]) }

            // The test sees statements where there is something to be taken back.
            let ledger = SQLitePushLedger(database)
            let key = AlertKey(messageID: Sample.messageID(), deviceID: device.id)
            let alert = IntendedAlert(key: key, conversationID: id, userID: users[1], sequenceNumber: 3)
            _ = try await ledger.claim([alert], until: Sample.time(30), at: Sample.start)
            try await ledger.settle([key: .sent(badge: nil)], at: Sample.start)
            let told = try await Self.statements(of: database) {
                _ = try await stores.advanceRead(of: users[1], in: id, to: 3, at: Sample.start)
            }
            #expect(told.count == 4, "\(told)")
        }
    }

    @Test func `no question of the ledger reads a whole table`() async throws {
        try await withDatabase { database in
            let stores = SQLiteConversationStore(database)
            let ledger = SQLitePushLedger(database)
            let users = Sample.users(2)
            let id = ConversationID.random()
            try await stores.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
            _ = try await SQLiteMessageStore(database).append((0..<9).map { Sample.draft(in: id, from: users[0], "\($0)") })
            let device = Sample.device(.apns(token: "t"), of: users[1])
            _ = try await SQLiteDeviceStore(database).register(device, maxPerUser: 10)
            let asked = try await Self.statements(of: database) {
                let keys = (0..<2).map { _ in AlertKey(messageID: Sample.messageID(), deviceID: device.id) }
                let alerts = keys.map { IntendedAlert(key: $0, conversationID: id, userID: users[1], sequenceNumber: 3) }
                _ = try await ledger.claim(alerts, until: Sample.time(30), at: Sample.start)
                try await ledger.settle([keys[0]: .sent(badge: 3), keys[1]: .released], at: Sample.start)
                _ = try await stores.advanceRead(of: users[1], in: id, to: 3, at: Sample.start)
                for attempt in 1...2 {
                    for due in try await ledger.leaseTakeBacks(limit: 10, seconds: 60, at: Sample.start) {
                        let result: TakeBackResult = attempt == 1 ? .retry(after: 0) : .done(badges: [device.id: 1])
                        try await ledger.finishTakeBacks([(due, result)], at: Sample.start)
                    }
                }
                _ = try await ledger.forgetAlerts(before: Sample.time(60), limit: 10)
                _ = try await ledger.unreadTotals(of: users)
                _ = try await SQLiteDeviceStore(database).register(Sample.device(.apns(token: "t"), of: users[0]), maxPerUser: 10)
                _ = try await SQLiteDeviceStore(database).remove(device.id, of: users[0])
            }
            #expect(asked.count > 15)
            for sql in Set(asked) {
                let scans = try await Self.plan(of: sql, database).filter {
                    $0.hasPrefix("SCAN") && !$0.hasPrefix("SCAN asked") && !$0.hasPrefix("SCAN CONSTANT")
                }
                #expect(scans == [], "\(sql)")
            }
        }
    }

    @Test func `what a process had claimed and leased when it died is free for the next one at once`() async throws {
        try await withDatabase { database in
            let (stores, ledger) = (SQLiteConversationStore(database), SQLitePushLedger(database))
            let users = Sample.users(2)
            let id = ConversationID.random()
            try await stores.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
            _ = try await SQLiteMessageStore(database).append((0..<3).map { Sample.draft(in: id, from: users[0], "\($0)") })
            let device = Sample.device(.apns(token: "t"), of: users[1])
            _ = try await SQLiteDeviceStore(database).register(device, maxPerUser: 10)
            let alerts = (1...2).map { number in
                IntendedAlert(
                    key: AlertKey(messageID: Sample.messageID(), deviceID: device.id), conversationID: id, userID: users[1],
                    sequenceNumber: number)
            }
            _ = try await ledger.claim(alerts, until: Sample.time(30), at: Sample.start)
            try await ledger.settle([alerts[0].key: .sent(badge: 1)], at: Sample.start)
            _ = try await stores.advanceRead(of: users[1], in: id, to: 1, at: Sample.start)
            #expect(try await ledger.leaseTakeBacks(limit: 10, seconds: 60, at: Sample.start).map(\.attempt) == [1])
            try await ledger.releaseLeases(at: Sample.time(1))
            let claims = try await ledger.claim(alerts, until: Sample.time(30), at: Sample.time(1))
            #expect(claims == [alerts[0].key: .sent, alerts[1].key: .granted(earlier: 0)])
            #expect(try await ledger.leaseTakeBacks(limit: 10, seconds: 60, at: Sample.time(1)).map(\.attempt) == [2])
        }
    }

    @Test func `older alerts stay, and those that nobody had settled when counting began count as shown`() throws {
        let database = try DatabaseQueue()
        try Schema.migrator.migrate(database, upTo: "6 notifications")
        try database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO conversations (ref, id, type, created_by, created_at, created_position, participant_count, activity)
                    VALUES (1, randomblob(16), 'group', x'01', 0, 0, 1, 0), (2, randomblob(16), 'group', x'01', 0, 0, 1, 0);
                    INSERT INTO push_shown (user_id, conversation_ref, device_id, alerts) VALUES (x'0A', 1, x'0D', 3);
                    INSERT INTO push_alerts (device_id, message_id, conversation_ref, user_id, is_sent, at, reads)
                    VALUES (x'0D', x'01', 1, x'0A', 0, 9, 0), (x'0D', x'02', 1, x'0A', 0, 9, 0), (x'0D', x'03', 1, x'0A', 1, 9, 0),
                        (x'0D', x'04', 2, x'0A', 0, 9, 0);
                    """)
        }
        try Schema.migrator.migrate(database)
        let shown = try database.read { try Int.fetchAll($0, sql: "SELECT alerts FROM push_shown ORDER BY conversation_ref") }
        #expect(shown == [5, 1])
        let alerts = try database.read { try String.fetchAll($0, sql: "SELECT hex(message_id) || is_sent FROM push_alerts ORDER BY 1") }
        #expect(alerts == ["010", "020", "031", "040"])
    }

    /// The statements about the ledger, as they are prepared, that the writing connection carries out meanwhile.
    private static func statements(of database: SQLiteDatabase, while body: () async throws -> Void) async throws -> [String] {
        let heard = Heard()
        try await database.pool.writeWithoutTransaction { db in
            db.trace { event in
                if case .statement(let statement) = event, statement.sql.contains("push_") { heard.note(statement.sql) }
            }
        }
        try await body()
        try await database.pool.writeWithoutTransaction { db in db.trace(options: []) }
        return heard.all
    }

    private final class Heard: Sendable {
        private let statements = Mutex<[String]>([])
        var all: [String] { statements.withLock { $0 } }
        func note(_ sql: String) { statements.withLock { $0.append(sql) } }
    }

    private static func plan(of sql: String, _ database: SQLiteDatabase) async throws -> [String] {
        try await database.pool.read { db in
            let statement = try db.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
            let named = (1...9).last { sql.contains("?\($0)") }
            let count = named ?? sql.count { $0 == "?" }
            let nothing = StatementArguments([(any DatabaseValueConvertible)?](repeating: nil, count: count))
            return try Row.fetchAll(statement, arguments: nothing).map { $0["detail"] as String }
        }
    }
}
