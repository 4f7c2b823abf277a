import ArgumentParser
import ParleyCore
import ParleyEngines
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import ParleyRedis
import ParleyStores

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look at everything that this node needs, and say what to do about what is wrong.",
        discussion: """
            Embedded: the data folder. Cluster: each engine: reachable, version, replica set and write concern, privileges, schema, queue \
            arguments. Both: the keys of push services, without asking these; parley push test does. Changes nothing. Ends with 1 when \
            something is wrong; what is merely doubtful is marked with a question mark.
            """)

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try await options.settings()
        let engines = try Engines(settings)
        var sections: [(name: String, findings: [EngineFinding])]
        if let engines {
            sections = await Self.examine(engines)
        } else {
            sections = [Self.examine(folder: settings.text("data"))]
        }
        sections += await PushExamination(settings: settings).findings()
        var isWell = true
        for (name, findings) in sections { isWell = Self.report(name, findings) && isWell }
        if engines != nil { print(isWell ? "The cluster can be used." : "The cluster cannot be used as it is.") }
        guard isWell else { throw ExitCode(1) }
    }

    private static func examine(_ engines: Engines) async -> [(name: String, findings: [EngineFinding])] {
        async let mongodb = engines.examineMongoDB()
        async let postgres = engines.examinePostgres()
        async let redis = onOwnThread { RedisExamination.findings(RedisConfiguration(url: engines.redis)) }
        async let rabbitmq = onOwnThread { RabbitMQExamination.findings(RabbitMQConfiguration(url: engines.amqp)) }
        return [("MongoDB", await mongodb), ("PostgreSQL", await postgres), ("Redis", await redis), ("RabbitMQ", await rabbitmq)]
    }

    private static func examine(folder: String) -> (name: String, findings: [EngineFinding]) {
        let finding: EngineFinding
        do {
            let missing = try SQLiteDatabase.missingMigrations(folder: folder)
            finding = EngineFinding(
                missing.isEmpty ? "can be read, and its schema is up to date" : "can be read; parley serve will bring its schema up to date"
            )
        } catch {
            finding = EngineFinding("\(error)", .bad(advice: "see to the folder, or choose another one with --data"))
        }
        return ("Data folder \(folder)", [finding])
    }

    /// False when something is wrong.
    private static func report(_ name: String, _ findings: [EngineFinding]) -> Bool {
        print(name)
        var isWell = true
        for finding in findings {
            switch finding.verdict {
            case .good: print("  ok     \(finding.fact)")
            case .doubtful(let advice): print("  ?      \(finding.fact)\n         \(advice)")
            case .bad(let advice):
                print("  wrong  \(finding.fact)\n         \(advice)")
                isWell = false
            }
        }
        return isWell
    }
}

extension Engines {
    func examineMongoDB() async -> [EngineFinding] {
        do {
            let database = try MongoDatabase(url: mongodb, configuration: Self.lookingOnly)
            let findings = await Self.findings("mongodb.url") { () async throws(StoreError) in
                try await MongoExamination(database).findings()
            }
            await onOwnThread { database.close() }
            return findings
        } catch {
            return [EngineFinding(error.sentence, .bad(advice: "see to mongodb.url"))]
        }
    }

    func examinePostgres() async -> [EngineFinding] {
        let database = PostgresDatabase(postgres, connections: 1)
        let findings = await Self.findings("postgres.url") { () async throws(StoreError) in
            try await PostgresExamination(database).findings()
        }
        await onOwnThread { database.close() }
        return findings
    }

    private static var lookingOnly: MongoConfiguration {
        var configuration = MongoConfiguration()
        configuration.threads = 1
        return configuration
    }

    private static func findings(
        _ setting: String, _ body: () async throws(StoreError) -> [EngineFinding]
    ) async -> [EngineFinding] {
        do throws(StoreError) {
            return try await body()
        } catch {
            return [EngineFinding("cannot be asked: \(error.sentence)", .bad(advice: "see to the server and to \(setting)"))]
        }
    }
}
