import Foundation
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyTesting
import Synchronization

@testable import ParleyCluster

/// What one node has of its own: connections to both engines, and the stores over them.
struct ClusterNode: Sendable {
    let mongo: MongoMessageStore
    let conversations: PostgresConversationStore
    let store: RowLockMessageStore

    init(
        _ mongo: MongoDatabase, _ appends: PostgresDatabase, _ postgres: PostgresDatabase, _ limits: PostgresSequences.Limits,
        maxSettleSeconds: Double, reach: @escaping @Sendable (RowLockAppend.Moment) -> Void
    ) {
        let facts = PostgresConversationFacts(postgres, marks: PostgresMarks(marginSeconds: 0))
        self.mongo = MongoMessageStore(
            mongo, conversationExists: { conversations throws(StoreError) in try await facts.existing(among: conversations) },
            heads: { mark throws(StoreError) in try await facts.heads(after: mark) })
        conversations = PostgresConversationStore(postgres, facts: self.mongo, marks: PostgresMarks(marginSeconds: 0))
        store = RowLockMessageStore(
            messages: self.mongo, sequences: PostgresSequences(appends, limits: limits), maxSettleSeconds: maxSettleSeconds, reach: reach)
    }

    /// With the allocator `postgres`.
    var stores: StoreSubject { subject(store) }

    /// With the allocator `mongodb`.
    var racing: StoreSubject { subject(mongo) }

    private func subject(_ messages: any MessageStore) -> StoreSubject {
        let log = LoggedMessages(store: messages)
        return StoreSubject(messages: log, effects: log, conversations: conversations, media: InMemoryStore())
    }
}

extension PostgresSequences.Limits {
    /// Limits that a machine which is busy with other tests keeps.
    static var patient: Self {
        var limits = Self()
        (limits.idleSeconds, limits.statementSeconds) = (60, 60)
        return limits
    }
}

/// The engines that the nodes of one test share: a database of its own in each.
struct Cluster: Sendable {
    let mongo: String
    let postgres: TestDatabase

    /// On the servers that most tests share.
    init() async throws {
        try await self.init(mongo: MongoServer.shared.value)
    }

    init(mongo server: MongoServer) async throws {
        mongo = server.url("t\(UUID().uuidString.prefix(18))")
        postgres = try await TestDatabase()
        try await withMongo(mongo) { _ in }
    }

    /// Runs the body on a node.
    func withNode<Value>(
        _ limits: PostgresSequences.Limits = .patient, mongo configuration: MongoConfiguration = .patient,
        connections: PostgresLimits = .patient, pools: Int = 4, maxSettleSeconds: Double = 60,
        reach: @escaping @Sendable (RowLockAppend.Moment) -> Void = { _ in }, _ body: (ClusterNode) async throws -> Value
    ) async throws -> Value {
        var configuration = configuration
        configuration.threads = pools
        return try await withMongo(mongo, configuration) { mongo in
            try await withPool(postgres.url, connections: pools, limits: connections) { appends in
                try await withPool(postgres.url, connections: pools) { others in
                    try await body(ClusterNode(mongo, appends, others, limits, maxSettleSeconds: maxSettleSeconds, reach: reach))
                }
            }
        }
    }

    /// Runs the body on that many nodes.
    func withNodes<Value>(_ count: Int, _ body: ([ClusterNode]) async throws -> Value) async throws -> Value {
        try await withNodes(count, having: [], body)
    }

    private func withNodes<Value>(
        _ count: Int, having nodes: [ClusterNode], _ body: ([ClusterNode]) async throws -> Value
    ) async throws -> Value {
        if nodes.count == count { return try await body(nodes) }
        return try await withNode { try await withNodes(count, having: nodes + [$0], body) }
    }

    /// Plain SQL, as any program would ask.
    @discardableResult
    func sql(_ text: String) throws -> String? { try RawPostgresClient(postgres.address).run(text) }

    /// Ends the sessions that hold rows of numbers, or wait for any, as a server does that has lost patience.
    func endAppends() throws {
        try sql(
            """
            SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
            """)
    }
}

/// Waits, for a while, until the body is true and throws no more.
func until(_ body: () async throws -> Bool) async throws {
    try await eventually { (try? await body()) == true }
}

/// A message store with the log that conformance asks for.
private struct LoggedMessages: MessageStore, EffectLog {
    let store: any MessageStore
    private let log = Log()

    init(store: any MessageStore) { self.store = store }

    private final class Log: Sendable {
        let messages = Mutex<[LoggedMessage]>([])
    }

    var appliesMetadata: Bool { store.appliesMetadata }

    func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        let outcomes = try await store.append(batch)
        log.messages.withLock { messages in
            for case .stored(let message, let position) in outcomes { messages.append(LoggedMessage(message: message, position: position)) }
            messages.sort { $0.position < $1.position }
        }
        return outcomes
    }

    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try await store.history(of: conversation, query, limit: limit)
    }

    func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads { try await store.heads(after: mark) }

    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message? {
        try await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }

    func checkpoint() -> LogPosition { .start }

    func lastPosition() -> LogPosition { log.messages.withLock { $0.last?.position ?? .start } }

    func messages(after position: LogPosition, limit: Int) -> [LoggedMessage] {
        log.messages.withLock { messages in Array(messages.filter { $0.position > position }.prefix(limit)) }
    }

    func advance(to position: LogPosition) {}
}
