import Logging
import ParleyCopy
import ParleyCore
import ParleyEngines
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyRedis

/// The addresses of a cluster's four engines, as the settings give them.
struct Engines: Sendable {
    let mongodb: String
    let postgres: PostgresURL
    let redis: RedisURL
    let amqp: AMQPURL

    /// Nil in the embedded mode. Throws a ``Failure`` that names the setting; the URL is not repeated, since it may hold a
    /// password.
    init?(_ settings: Settings) throws {
        guard settings.isCluster else { return nil }
        mongodb = settings.text("mongodb.url")
        guard let postgres = PostgresURL(settings.text("postgres.url")) else {
            throw Failure("postgres.url is not a connection URI that libpq understands.")
        }
        self.postgres = postgres
        do {
            redis = try RedisURL(settings.text("redis.url"))
        } catch {
            throw Failure("redis.url is not a URL for Redis: \(error).")
        }
        do {
            amqp = try AMQPURL(settings.text("amqp.url"))
        } catch {
            throw Failure("amqp.url is not a URL for RabbitMQ: \(error).")
        }
    }

    /// Brings the schemas up to date and tells what was done. Any number of nodes may do so at once.
    func migrate() async throws -> [String] {
        var steps: [String] = []
        try await with(PostgresDatabase(postgres, connections: 1, limits: Self.patient), { $0.close() }) { database in
            steps += try await PostgresMigrator(database).migrate().map { "postgresql: \($0)" }
        }
        try await with(MongoDatabase(url: mongodb, configuration: .migrating), { $0.close() }) { database in
            let schema = MongoSchema(database)
            let missing = try await schema.missing()
            if !missing.isEmpty { try await schema.migrate() }
            steps += missing.map { "mongodb: index \($0)" }
        }
        return steps
    }

    /// What ``migrate()`` would do; nothing is changed.
    func missingMigrations() async throws -> [String] {
        var steps: [String] = []
        try await with(PostgresDatabase(postgres, connections: 1, limits: Self.patient), { $0.close() }) { database in
            steps += try await PostgresMigrator(database).missing().map { "postgresql: \($0)" }
        }
        try await with(MongoDatabase(url: mongodb, configuration: .migrating), { $0.close() }) { database in
            steps += try await MongoSchema(database).missing().map { "mongodb: index \($0)" }
        }
        return steps
    }

    /// A copy of a data folder that was begun and not finished; nil when there is none.
    func unfinishedCopy() async throws -> UnfinishedCopy? {
        try await with(PostgresDatabase(postgres, connections: 1), { $0.close() }) { try await UnfinishedCopy.find(in: $0) }
    }

    /// The push queue alone, for commands.
    func withPushQueue(_ logger: Logger, _ body: (RabbitMQPushQueue) async throws -> Void) async throws {
        try await with(RabbitMQPushQueue(RabbitMQConfiguration(url: amqp), logger: logger), { $0.close() }, body)
    }

    /// The devices alone, for commands.
    func withDevices(_ body: (PostgresDeviceStore) async throws -> Void) async throws {
        try await with(PostgresDatabase(postgres, connections: 1), { $0.close() }) { try await body(PostgresDeviceStore($0)) }
    }

    /// What a data folder is copied into, its schemas up to date. Few connections: a copy does little at once, and much each time.
    func withCopyTarget<Value: Sendable>(_ logger: Logger, _ body: (CopyTarget) async throws -> Value) async throws -> Value {
        _ = try await migrate()
        let database = PostgresDatabase(postgres, connections: 2, limits: Self.patient)
        let queue = RabbitMQPushQueue(RabbitMQConfiguration(url: amqp), logger: logger)
        return try await with(
            CopyTarget(mongo: MongoDatabase(url: mongodb, configuration: .copying), postgres: database, queue: queue), { $0.close() }
        ) { target in
            try await queue.prepare()
            return try await body(target)
        }
    }

    /// Proves what the engines hold.
    func verify() async throws -> VerificationReport {
        try await with(PostgresDatabase(postgres, connections: 1, limits: Self.patient), { $0.close() }) { database in
            try await with(MongoDatabase(url: mongodb, configuration: .reading), { $0.close() }) { mongo in
                try await ClusterVerifier(messages: MongoVerification(mongo), conversations: PostgresVerification(database)).verify()
            }
        }
    }

    /// Counts the messages that are stored and that no node will count.
    func repair() async throws -> RepairReport {
        try await with(PostgresDatabase(postgres, connections: 1, limits: Self.patient), { $0.close() }) { database in
            try await with(MongoDatabase(url: mongodb, configuration: .reading), { $0.close() }) { mongo in
                let messages = messageStore(mongo, PostgresConversationFacts(database))
                let conversations = PostgresConversationStore(database, facts: messages)
                return try await MetadataRepair(
                    messages: MongoVerification(mongo), conversations: PostgresVerification(database),
                    applier: MetadataApplier(messages: messages, conversations: conversations)
                ).run()
            }
        }
    }

    /// No node goes on any more for those whose lease has ended; tells how many they were.
    func forgetNodes() async throws -> Int {
        try await with(PostgresDatabase(postgres, connections: 1, limits: Self.patient), { $0.close() }) { database in
            let (register, own) = (PostgresNodeRegister(database), NodeID.random())
            var forgotten = 0
            // Should this end in between, a second try finds the node soon.
            while let lapsed = try await register.takeOver(by: own, seconds: 5) {
                try await register.forget(lapsed.node, by: own)
                forgotten += 1
            }
            return forgotten
        }
    }

    /// Messages over conversations that are kept in PostgreSQL.
    func messageStore(_ mongo: MongoDatabase, _ facts: PostgresConversationFacts) -> MongoMessageStore {
        MongoMessageStore(
            mongo, conversationExists: { ids async throws(StoreError) in try await facts.existing(among: ids) },
            heads: { mark async throws(StoreError) in try await facts.heads(after: mark) })
    }

    /// A step over large tables takes its time.
    static var patient: PostgresLimits {
        var limits = PostgresLimits()
        limits.statementSeconds = 3600
        return limits
    }

    /// Closes what was opened, whatever happens. Closing blocks, so it has a thread of its own.
    private func with<Opened: Sendable, Value: Sendable>(
        _ opened: Opened, _ close: @escaping @Sendable (Opened) -> Void, _ body: (Opened) async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await body(opened)
            await onOwnThread { close(opened) }
            return value
        } catch {
            await onOwnThread { close(opened) }
            throw error
        }
    }
}
