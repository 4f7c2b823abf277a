import ParleyTesting

@testable import ParleyPostgres

extension PostgresServer {
    func url(database: String, user: String = "postgres", password: String = password) throws -> PostgresURL {
        guard let url = PostgresURL(urlText(database: database, user: user, password: password)) else { throw ServerFailure("no URL") }
        return url
    }
}
