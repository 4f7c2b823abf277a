import CLibPQ
import ParleyTesting

/// The bare driver, for what the tests want to do or see without the stores, as any other program would. It blocks.
public final class RawPostgresClient {
    private let connection: OpaquePointer

    /// - Parameter address: A URL that libpq understands.
    public init(_ address: String) throws {
        guard let connection = PQconnectdb(address) else { throw ServerFailure("no memory for a connection") }
        self.connection = connection
        guard PQstatus(connection) == CONNECTION_OK else { throw failure() }
    }

    deinit { PQfinish(connection) }

    /// The first column of the first row of the answer; nil when there is none.
    @discardableResult
    public func run(_ sql: String) throws -> String? {
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK: return nil
        case PGRES_TUPLES_OK:
            guard PQntuples(result) > 0, PQgetisnull(result, 0, 0) == 0 else { return nil }
            return String(cString: PQgetvalue(result, 0, 0))
        default: throw failure()
        }
    }

    private func failure() -> ServerFailure { ServerFailure("PostgreSQL: " + String(cString: PQerrorMessage(connection))) }
}
