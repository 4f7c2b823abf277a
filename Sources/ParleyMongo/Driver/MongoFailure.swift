import CMongoC
import ParleyCore

/// What the driver said of a call that failed.
struct MongoFailure: Error {
    let domain: UInt32
    let code: UInt32
    let text: String

    init(_ error: bson_error_t, _ pool: MongoPool) {
        var error = error
        domain = error.domain
        code = error.code
        let message = withUnsafeBytes(of: &error.message) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        text = "mongodb: " + pool.withoutSecrets(message)
    }

    init(code: UInt32, text: String) {
        domain = 0
        self.code = code
        self.text = text
    }

    /// There was no server to send anything to.
    var isBeforeSending: Bool { domain == parley_mongoc_domain_server_selection || isRefusedLogin }

    private var isRefusedLogin: Bool {
        domain == parley_mongoc_domain_client && code == UInt32(parley_mongoc_code_authenticate)
    }

    /// The connection, the server or its being primary was lost: trying again can help.
    var isPassing: Bool { isBeforeSending || domain == parley_mongoc_domain_stream || Self.passing.contains(code) }

    /// The server or the driver looked at the command and did nothing: Unauthorized, BSONObjectTooLarge, a document that
    /// is none. Other errors may come after a part was done.
    var isRefusalOfAll: Bool { domain == parley_mongoc_domain_bson || code == 13 || code == 10_334 }

    /// For calls that change nothing, or whose repetition changes nothing.
    var asStoreError: StoreError { isPassing ? .unavailable(text) : .unexpected(text) }

    /// MongoDB, "Error Codes": of servers that step down, shut down, are cut off or do not answer in time, and
    /// AuthenticationFailed, which an operator is about to repair.
    private static let passing: Set<UInt32> = [
        6, 7, 18, 50, 64, 89, 91, 100, 189, 202, 262, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
    ]
}
