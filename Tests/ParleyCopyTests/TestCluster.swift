import Foundation
import Logging
import ParleyCopy
import ParleyCore
import ParleyEngineTesting
import ParleyEngines
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyTesting

/// Databases and queues of one test's own on the servers that all tests share, migrated, and the stores over them.
struct TestCluster: Sendable {
    let databaseName: String
    let mongoURL: String
    let mongo: MongoDatabase
    let postgres: PostgresDatabase
    let queue: RabbitMQPushQueue

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    var target: CopyTarget { CopyTarget(mongo: mongo, postgres: postgres, queue: queue) }

    var messages: MongoMessageStore {
        let facts = PostgresConversationFacts(postgres)
        return MongoMessageStore(
            mongo, conversationExists: { ids async throws(StoreError) in try await facts.existing(among: ids) },
            heads: { mark async throws(StoreError) in try await facts.heads(after: mark) })
    }
    var conversations: PostgresConversationStore {
        PostgresConversationStore(postgres, facts: messages, marks: PostgresMarks(marginSeconds: 0))
    }
    var media: PostgresMediaStore { PostgresMediaStore(postgres, facts: messages) }

    func verify() async throws -> VerificationReport {
        try await ClusterVerifier(messages: MongoVerification(mongo), conversations: PostgresVerification(postgres)).verify()
    }

    /// As another program would.
    @discardableResult
    func sql(_ statements: String) async throws -> String {
        try await PostgresServer.shared.value.query(statements, in: databaseName)
    }

    @discardableResult
    func mongo(_ command: String) async throws -> String? {
        await onOwnThread { [mongoURL] in RawMongoClient(mongoURL).command(command) }
    }

    private func close() async {
        await onOwnThread {
            queue.close()
            mongo.close()
            postgres.close()
        }
    }

    static func with(_ body: (TestCluster) async throws -> Void) async throws {
        let cluster = try await make()
        do {
            try await body(cluster)
        } catch {
            await cluster.close()
            throw error
        }
        await cluster.close()
    }

    private static func make() async throws -> TestCluster {
        let name = "copy_" + UUID().uuidString.filter(\.isHexDigit).lowercased()
        let server = try await PostgresServer.shared.value
        try await server.query("CREATE DATABASE \(name)", in: "postgres")
        let postgres = PostgresDatabase(try server.url(database: name), connections: 3, limits: .patient)
        _ = try await PostgresMigrator(postgres).migrate()
        let mongoURL = try await MongoServer.shared.value.url(name)
        let mongo = try MongoDatabase(url: mongoURL, configuration: .patient)
        try await MongoSchema(mongo).migrate()
        var configuration = RabbitMQConfiguration(url: try AMQPURL(await RabbitMQServer.shared.value.urlText))
        configuration.queueName = name
        configuration.newQueueSeconds = 0
        return TestCluster(
            databaseName: name, mongoURL: mongoURL, mongo: mongo, postgres: postgres,
            queue: RabbitMQPushQueue(configuration, logger: logger))
    }
}
