public import ParleyCore
import ParleyEngines

/// A PostgreSQL database: a bounded number of connections, each with a thread of its own.
///
/// Nothing waits for the server to be there: the first calls connect, and while it is down calls fail at once with
/// ``ParleyCore/StoreError/unavailable(_:)``.
public final class PostgresDatabase: Sendable {
    private let threads: DriverThreads<PostgresConnection>
    /// For logs; without the password.
    public let description: String

    /// - Parameters:
    ///   - connections: As many as may be used at once; all nodes' together must fit the server's `max_connections`.
    ///   - maxWaiting: Calls that may wait for a connection; one more is refused.
    public init(_ url: PostgresURL, connections: Int = 8, maxWaiting: Int = 10_000, limits: PostgresLimits = .init()) {
        description = url.description
        threads = DriverThreads(name: "postgresql", count: connections, maxWaiting: maxWaiting) {
            PostgresConnection(url, limits: limits)
        }
    }

    /// Runs `body` on a connection's thread.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> Value
    ) async throws(StoreError) -> Value {
        try await threads.run { connection throws(StoreError) in
            do throws(PostgresFailure) {
                return try body(connection)
            } catch {
                throw error.storeError
            }
        }
    }

    private static let ping = PostgresStatement("ping", "SELECT 1")

    /// Returns when the server answers. Throws `unavailable` with what is wrong.
    public func check() async throws(StoreError) {
        _ = try await run { connection throws(PostgresFailure) in try connection.read(Self.ping()).count }
    }

    /// Lets calls finish and closes the connections. It blocks: not for tasks and event loops.
    public func close() { threads.close() }
}
