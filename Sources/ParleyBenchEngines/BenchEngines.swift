public import Logging
public import ParleyCore
import ParleyEngines
import ParleyMongo
public import ParleyPostgres
public import ParleyRabbitMQ
public import ParleyRedis

/// Where the four engines of a cluster are.
public struct EngineAddresses: Sendable {
    public let mongodb: String
    public let postgres: PostgresURL
    public let redis: RedisURL
    public let amqp: AMQPURL

    public init(mongodb: String, postgres: PostgresURL, redis: RedisURL, amqp: AMQPURL) {
        self.mongodb = mongodb
        self.postgres = postgres
        self.redis = redis
        self.amqp = amqp
    }
}

/// The four engines, reached by the same clients, in the same number, as by a node of the cluster. What is written to them
/// here is not Parley's: the benchmark's engines are for the benchmark alone.
public final class BenchEngines: Sendable {
    /// Not the queue of Parley's own jobs: nobody takes these.
    private static let queueName = "parley_bench"

    let mongo: MongoDatabase
    let messages: MongoMessageImport
    let postgres: PostgresDatabase
    let writes: PlainMessageWrites
    let bus: RedisEventBus
    let queue: RabbitMQPushQueue

    /// Throws ``ParleyCore/StoreError`` when one of them cannot be used.
    public init(_ addresses: EngineAddresses, logger: Logger) async throws {
        mongo = try MongoDatabase(url: addresses.mongodb)
        messages = MongoMessageImport(mongo)
        postgres = PostgresDatabase(addresses.postgres)
        writes = PlainMessageWrites(postgres)
        bus = RedisEventBus(RedisConfiguration(url: addresses.redis), logger: logger)
        var configuration = RabbitMQConfiguration(url: addresses.amqp)
        configuration.queueName = Self.queueName
        queue = RabbitMQPushQueue(configuration, logger: logger)
        try await queue.prepare()
    }

    /// Whether there is no message and no conversation at all.
    public func isEmpty() async throws(StoreError) -> Bool {
        guard try await messages.isEmpty() else { return false }
        return try await writes.isEmpty()
    }

    /// Closes all connections.
    public func close() async {
        await onOwnThread { [self] in
            queue.close()
            bus.close()
            mongo.close()
            postgres.close()
        }
    }
}
