import Logging
import ParleyBench
import ParleyBenchEngines
import ParleyCore
import ParleyEngines
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyRedis

extension Engines {
    private static let benchLogger = Logger(label: "parley.bench")

    private var addresses: EngineAddresses { EngineAddresses(mongodb: mongodb, postgres: postgres, redis: redis, amqp: amqp) }

    /// What `parley bench --cluster` measures on these engines, which are those of the settings.
    func benchTarget(_ settings: Settings) -> ClusterTarget {
        ClusterTarget(
            environment: [
                "PARLEY_MONGODB_URL": settings.text("mongodb.url"), "PARLEY_POSTGRES_URL": settings.text("postgres.url"),
                "PARLEY_REDIS_URL": settings.text("redis.url"), "PARLEY_AMQP_URL": settings.text("amqp.url"),
                "PARLEY_SEQUENCE_ALLOCATOR": settings.text("sequence.allocator"),
            ], plainService: ["bench-plain-service"],
            open: {
                do {
                    _ = try await migrate()
                    let opened = try await benchEngines()
                    guard try await opened.isEmpty() else {
                        await opened.close()
                        throw Failure(
                            "The engines hold conversations or messages already; bench --cluster needs some that hold no data. make bench-cluster starts such engines."
                        )
                    }
                    return ClusterTarget.Engines(limits: { opened.limits(in: $0) }, close: { await opened.close() })
                } catch let error as StoreError {
                    throw Failure("The cluster cannot be measured: \(error.sentence). parley doctor looks at each engine.")
                }
            })
    }

    func benchEngines() async throws -> BenchEngines {
        try await BenchEngines(addresses, logger: Self.benchLogger)
    }

    /// The stores of a cluster's conversations and messages, for seeding.
    func seedStores() async throws -> SeedStores {
        let database = PostgresDatabase(postgres, limits: Self.patient)
        let facts = PostgresConversationFacts(database)
        let mongo = try MongoDatabase(url: mongodb, configuration: .copying)
        let messages = messageStore(mongo, facts)
        return SeedStores(
            messages: messages, conversations: PostgresConversationStore(database, facts: messages), effects: nil,
            close: {
                await onOwnThread {
                    mongo.close()
                    database.close()
                }
            })
    }
}
