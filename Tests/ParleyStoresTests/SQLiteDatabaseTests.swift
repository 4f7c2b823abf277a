import Foundation
import GRDB
import Logging
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyStores

struct SQLiteDatabaseTests {
    private let logger = Logger(label: "test")

    @Test func `every commit waits for the disk`() async throws {
        try await withDatabase { database in
            let settings = try await database.write { db in
                [try String.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode")]
            }
            #expect(settings == ["2", "wal"])
        }
    }

    @Test func `a second process is refused with a sentence and the folder is free afterwards`() throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger)
        let refusal = #expect(throws: SQLiteDatabase.OpenError.self) {
            try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger)
        }
        #expect("\(try #require(refusal))".contains("in use by another parley process"))
        first.close()
        try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger).close()
    }

    @Test func `a folder that is closed is free, though a child that is being started has a copy of the lock`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/lock"
        let lock = try FolderLock(path: path)
        let copy = dup(lock.descriptor)
        defer { close(copy) }
        #expect(throws: FolderLock.Held.self) { try FolderLock(path: path) }
        lock.release()
        try FolderLock(path: path).release()
    }

    @Test func `a reader beside a running server is let in, and refused where there is no database`() throws {
        let folder = try TemporaryFolder()
        let refusal = #expect(throws: SQLiteDatabase.OpenError.self) {
            try SQLiteDatabase(folder: folder.path, access: .shared, logger: logger)
        }
        #expect("\(try #require(refusal))".contains("There is no parley database"))
        let server = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger)
        try SQLiteDatabase(folder: folder.path, access: .shared, logger: logger).close()
        server.close()
    }

    @Test func `a folder that is closed has everything in the database itself`() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger)
        let store = SQLiteConversationStore(database)
        let id = ConversationID.random()
        try await store.createGroup(id: id, title: nil, creator: .random(), others: [], at: Sample.start)
        // Readers are connections of their own.
        #expect(try await store.exists(id))
        database.close()
        let copy = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: folder.path + "/parley.sqlite", toPath: copy.path + "/parley.sqlite")
        let copied = try SQLiteDatabase(folder: copy.path, access: .exclusive, logger: logger)
        #expect(try await SQLiteConversationStore(copied).exists(id))
        copied.close()
    }

    @Test func `missing migrations are named before and none after`() throws {
        let folder = try TemporaryFolder()
        let before = try SQLiteDatabase.missingMigrations(folder: folder.path)
        #expect(before.first == "1 conversations and messages")
        try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger).close()
        #expect(try SQLiteDatabase.missingMigrations(folder: folder.path).isEmpty)
    }

    @Test func `a folder written by a newer version is refused`() throws {
        let folder = try TemporaryFolder()
        try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger).close()
        let queue = try DatabaseQueue(path: folder.path + "/parley.sqlite")
        try queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('999 from the future')") }
        try queue.close()
        let refusal = #expect(throws: SQLiteDatabase.OpenError.self) {
            try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: logger)
        }
        #expect("\(try #require(refusal))".contains("newer version"))
    }

    /// `max_page_count` makes SQLite answer SQLITE_FULL, as it does when the disk is.
    @Test func `a full disk refuses what does not fit, keeps what was acknowledged, and goes on when there is room`() async throws {
        try await withDatabase { database in
            let messages = SQLiteMessageStore(database)
            let conversations = SQLiteConversationStore(database)
            let sender = UserID.random()
            let id = ConversationID.random()
            try await conversations.createGroup(id: id, title: nil, creator: sender, others: [], at: Sample.start)
            let pages = try await database.write { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
            try await database.pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA max_page_count = \(pages + 20)") }

            var stored: [Message] = []
            var refusal: StoreError?
            while refusal == nil, stored.count < 1000 {
                do throws(StoreError) {
                    let outcomes = try await messages.append([large(in: id, from: sender)])
                    if case .stored(let message, _)? = outcomes.first { stored.append(message) }
                } catch {
                    refusal = error
                }
            }
            guard case .unavailable? = refusal else {
                Issue.record("the store should have been unavailable, but said \(String(describing: refusal))")
                return
            }
            await #expect(throws: StoreError.self) {
                try await database.write { try $0.execute(sql: "CREATE TABLE filler AS SELECT randomblob(200000) AS b") }
            }
            #expect(try await messages.history(of: id, .newest, limit: 200).lastSequence == Int64(stored.count))

            try await database.pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA max_page_count = 1000000") }
            _ = try await messages.append([large(in: id, from: sender)])
            let report = try await SQLiteVerifier(database).verify()
            #expect(report.findings == [])
            #expect(report.messages == stored.count + 1)
        }
    }

    private func large(in conversation: ConversationID, from sender: UserID) -> NewMessage {
        NewMessage(
            id: MessageIDGenerator().next(at: Sample.start), conversationID: conversation, senderID: sender, clientMessageID: nil,
            messageType: .text, content: String(repeating: "x", count: 8000), mediaIDs: [], createdAt: Sample.start,
            preview: String(repeating: "x", count: 100) + "...")
    }

    @Test func `a write that fails takes back only itself`() async throws {
        try await withDatabase { database in
            struct Wrong: Error {}
            // A closure that blocks the writer until all have been submitted, so that they share a transaction.
            let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<50 {
                    group.addTask {
                        do throws(StoreError) {
                            try await database.write { db in
                                try db.execute(
                                    sql: "INSERT INTO media_uses (media_id, conversation_ref) VALUES (?, ?)",
                                    arguments: [Data([UInt8(number)]), number])
                                if number % 5 == 0 { throw Wrong() }
                            }
                            return (number, true)
                        } catch {
                            return (number, false)
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let kept = try await database.read { db in Set(try Int.fetchAll(db, sql: "SELECT conversation_ref FROM media_uses")) }
            #expect(kept == Set((0..<50).filter { $0 % 5 != 0 }))
            #expect(Set(outcomes.filter(\.value).keys) == kept)
        }
    }
}

struct SQLitePushQueueTests {
    @Test func `a restart hands out at once what the dead process had leased`() async throws {
        try await withDatabase { database in
            let queue = SQLitePushQueue(database)
            let job = PushJob(
                messageID: MessageIDGenerator().next(at: Sample.start), conversationID: .random(), senderID: .random(), sequenceNumber: 1,
                recipients: [.random()], messagePreview: "hello", createdAt: Sample.start, part: 0)
            try await queue.enqueue([job], at: Sample.start)
            #expect(try await queue.lease(limit: 1, seconds: 60, at: Sample.start).count == 1)
            #expect(try await queue.lease(limit: 1, seconds: 60, at: Sample.start).isEmpty)
            try await queue.releaseLeases(at: Sample.start)
            #expect(try await queue.lease(limit: 1, seconds: 60, at: Sample.start).map(\.job) == [job])
        }
    }
}
