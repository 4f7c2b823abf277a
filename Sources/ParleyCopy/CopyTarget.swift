public import ParleyMongo
public import ParleyPostgres
public import ParleyRabbitMQ

/// The engines that a data folder is copied into, all with their schemas in place. Redis is not among them: it keeps nothing
/// that has to survive.
public struct CopyTarget: Sendable {
    let mongo: MongoDatabase
    let postgres: PostgresDatabase
    let queue: RabbitMQPushQueue

    /// Whoever made them closes them, or ``close()`` does.
    public init(mongo: MongoDatabase, postgres: PostgresDatabase, queue: RabbitMQPushQueue) {
        self.mongo = mongo
        self.postgres = postgres
        self.queue = queue
    }

    /// It blocks: not for tasks and event loops.
    public func close() {
        queue.close()
        mongo.close()
        postgres.close()
    }
}
