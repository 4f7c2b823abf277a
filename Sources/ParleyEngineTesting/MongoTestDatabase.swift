import Foundation
import ParleyEngines
public import ParleyMongo

extension MongoConfiguration {
    /// With limits that a machine which is busy with other tests keeps.
    public static var patient: MongoConfiguration {
        var configuration = MongoConfiguration()
        configuration.serverSelectionMilliseconds = 60_000
        configuration.connectMilliseconds = 60_000
        configuration.socketMilliseconds = 60_000
        configuration.writeConcernMilliseconds = 50_000
        configuration.maxContentionSeconds = 60
        return configuration
    }
}

/// Runs the body with a database of its own on the shared server, migrated.
public func withMongo<Value>(
    _ configuration: MongoConfiguration = .patient, _ body: (MongoDatabase, _ url: String) async throws -> Value
) async throws -> Value {
    let url = try await MongoServer.shared.value.url("t\(UUID().uuidString.prefix(18))")
    return try await withMongo(url, configuration) { try await body($0, url) }
}

/// Runs the body with that database, migrated, and closes it.
public func withMongo<Value>(
    _ url: String, _ configuration: MongoConfiguration = .patient, _ body: (MongoDatabase) async throws -> Value
) async throws -> Value {
    try await migrate(url)
    let database = try MongoDatabase(url: url, configuration: configuration)
    do {
        let value = try await body(database)
        await close(database)
        return value
    } catch {
        await close(database)
        throw error
    }
}

private func migrate(_ url: String) async throws {
    let database = try MongoDatabase(url: url, configuration: .migrating)
    let result: Result<Void, any Error>
    do {
        result = .success(try await MongoSchema(database).migrate())
    } catch {
        result = .failure(error)
    }
    await close(database)
    try result.get()
}

/// Closes it on a thread that may wait.
public func close(_ database: MongoDatabase) async {
    await onOwnThread { database.close() }
}
