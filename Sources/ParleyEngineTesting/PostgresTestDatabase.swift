import Foundation
import ParleyEngines
public import ParleyPostgres

/// A database of one test's own on a server, made from a migrated template.
public struct TestDatabase: Sendable {
    /// For a store.
    public let url: PostgresURL
    /// The same for a ``RawPostgresClient``.
    public let address: String

    private static let template = Task {
        let server = try await PostgresServer.shared.value
        let url = try await makeEmpty(on: server, name: "template")
        try await withPool(url, connections: 1) { _ = try await PostgresMigrator($0).migrate() }
        return "template"
    }

    /// With the schema in place.
    public init() async throws {
        let server = try await PostgresServer.shared.value
        let name = "test_" + UUID().uuidString.filter(\.isHexDigit).lowercased()
        try await Self.admin(server, "CREATE DATABASE \(name) TEMPLATE \(try await Self.template.value)")
        url = try server.url(database: name)
        address = server.address(database: name)
    }

    /// Without any table.
    public static func makeEmpty(on server: PostgresServer, name: String) async throws -> PostgresURL {
        try await admin(server, "CREATE DATABASE \(name)")
        return try server.url(database: name)
    }

    private static func admin(_ server: PostgresServer, _ sql: String) async throws {
        let address = server.address(database: "postgres")
        _ = try await onOwnThread { try RawPostgresClient(address).run(sql) }
    }
}

extension PostgresLimits {
    /// Limits that a machine which is busy with other tests keeps.
    public static var patient: PostgresLimits {
        var limits = PostgresLimits()
        limits.connectSeconds = 60
        limits.statementSeconds = 60
        return limits
    }
}

/// Runs the body with connections to a database, and closes them.
public func withPool<Value>(
    _ url: PostgresURL, connections: Int = 4, limits: PostgresLimits = .patient, _ body: (PostgresDatabase) async throws -> Value
) async throws -> Value {
    let database = PostgresDatabase(url, connections: connections, limits: limits)
    do {
        let value = try await body(database)
        await close(database)
        return value
    } catch {
        await close(database)
        throw error
    }
}

/// Closes it on a thread that may wait.
public func close(_ database: PostgresDatabase) async {
    await onOwnThread { database.close() }
}
