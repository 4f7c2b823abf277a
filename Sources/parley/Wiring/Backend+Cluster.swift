import Logging
import ParleyCluster
import ParleyCore
import ParleyEngines
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyRedis

extension Backend {
    /// While one lane's batch waits for a majority, the other's waits for PostgreSQL. More lanes make smaller batches: with four of them
    /// a message costs both engines a fifth more (docs/SCALING.md).
    private static let laneCount = 2

    /// The four engines. Brings their schemas up to date first: MongoDB and PostgreSQL must be there for that, and hold no copy
    /// that is not finished. Redis and RabbitMQ may come later; until then the ready check names them.
    static func cluster(_ engines: Engines, allocator: String, logger: Logger) async throws -> Backend {
        do {
            for step in try await engines.migrate() { logger.notice("schema brought up to date", metadata: ["step": "\(step)"]) }
            if let copy = try await engines.unfinishedCopy() {
                throw Failure("The cluster cannot be used: \(copy.fact). What to do: \(UnfinishedCopy.advice).")
            }
        } catch let error as StoreError {
            throw Failure("The cluster cannot be used: \(error.sentence). parley doctor looks at each engine.")
        }
        let postgres = PostgresDatabase(engines.postgres)
        // The lease must be renewed however long other calls wait; one connection for that, one for going on for others.
        let registry = PostgresDatabase(engines.postgres, connections: 2, maxWaiting: 100)
        let facts = PostgresConversationFacts(postgres)
        let mongo = try MongoDatabase(url: engines.mongodb)
        let messages = engines.messageStore(mongo, facts)
        // Writers that wait for each other's rows must not be what readers wait for.
        let sequences = allocator == "postgres" ? PostgresDatabase(engines.postgres, connections: laneCount) : nil
        let numbered: any MessageStore =
            sequences.map { RowLockMessageStore(messages: messages, sequences: PostgresSequences($0)) } ?? messages
        let redis = RedisConfiguration(url: engines.redis)
        let bus = RedisEventBus(redis, logger: logger)
        let presence = RedisPresence(redis, logger: logger)
        let pushQueue = RabbitMQPushQueue(RabbitMQConfiguration(url: engines.amqp), logger: logger)
        do throws(StoreError) {
            try await pushQueue.prepare()
        } catch {
            logger.warning("the push queue is not there yet; its jobs wait", metadata: ["error": "\(error)"])
        }
        let conversations = PostgresConversationStore(postgres, facts: messages) { messages.remember($0, lastSequence: $1) }
        return Backend(
            messages: numbered, effects: .nodes(register: PostgresNodeRegister(registry), log: messages),
            conversations: conversations, media: PostgresMediaStore(postgres, facts: messages),
            devices: PostgresDeviceStore(postgres), revocations: PostgresTokenRevocationStore(postgres),
            notificationSettings: PostgresNotificationSettingsStore(postgres), pushLedger: PostgresPushLedger(postgres),
            pushQueue: pushQueue, attendances: PostgresAttendanceStore(postgres), bus: bus, busLosesEvents: true, departures: conversations,
            presence: presence,
            dependencies: [
                "mongodb": { () async throws(StoreError) in try await mongo.ping() },
                "postgresql": { () async throws(StoreError) in try await postgres.check() },
                "redis": { () async throws(StoreError) in try await bus.probe() },
                "rabbitmq": { () async throws(StoreError) in _ = try await pushQueue.depth() },
            ],
            laneCount: laneCount,
            close: {
                // Whoever writes to the others first.
                await onOwnThread {
                    pushQueue.close()
                    bus.close()
                    presence.close()
                    mongo.close()
                    sequences?.close()
                    registry.close()
                    postgres.close()
                }
            })
    }
}

extension StoreError {
    /// For operators, without a full stop.
    var sentence: String {
        switch self {
        case .unavailable(let text), .outcomeUnknown(let text), .unexpected(let text): text
        case .invalidCursor: "a cursor is not valid"
        }
    }
}
