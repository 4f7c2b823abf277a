import CMongoC
import Foundation
public import ParleyCore
import ParleyEngines
import ParleyModel
import Synchronization

/// The connections to one MongoDB database: a client of libmongoc's pool for each thread of its own, so that nothing of it
/// runs on the cooperative pool.
///
/// What holds for every call (libmongoc, "Connection String Options"; MongoDB manual, "Read Concern", "Write Concern"):
/// - Writes are acknowledged by a majority, from the journal. What was acknowledged survives the loss of any minority.
/// - Reads go to the primary with read concern `majority`: what was read can never be rolled back. As the numbers of a
///   conversation are written one after the other, whoever reads n+1 there also reads n (P2).
/// - All calls form one causal order: a read sees what any earlier call of this database object was told, also after an
///   election.
public final class MongoDatabase: Sendable {
    let configuration: MongoConfiguration
    private let threads: DriverThreads<MongoConnection>

    /// Connects when there is first something to do.
    ///
    /// - Parameter url: `mongodb://…`; the database is the one that it names, else `parley`.
    /// - Throws: `unexpected` when the URL is not one; the text does not repeat it, since it may hold a password.
    public init(url: String, configuration: MongoConfiguration = .init()) throws(StoreError) {
        let pool = try MongoPool(url: url, configuration: configuration)
        self.configuration = configuration
        threads = DriverThreads(name: "mongodb", count: configuration.threads, maxWaiting: configuration.maxWaiting) {
            MongoConnection(pool, configuration)
        }
    }

    /// Lets the calls that were taken finish, then ends. It blocks: not for tasks and event loops.
    public func close() { threads.close() }

    /// Whether a primary answers.
    public func ping() async throws(StoreError) {
        try await run { connection throws(StoreError) in
            _ = try connection.command(BSON { $0.set("ping", int32: 1) })
        }
    }

    func run<Value: Sendable>(
        _ body: @escaping @Sendable (MongoConnection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await threads.run(body)
    }

    /// Returns when no insert that was lost before can land any more.
    func fenceLost() async throws(StoreError) {
        try await threads.runOnEach { connection throws(StoreError) in try connection.fenceLost() }
    }

    /// For a thread that may wait, of another pool.
    func runBlocking<Value: Sendable>(
        _ body: @escaping @Sendable (MongoConnection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try threads.runBlocking(body)
    }
}

/// The driver's pool: safe to use from all threads, as libmongoc promises of `mongoc_client_pool_t`.
final class MongoPool: @unchecked Sendable {
    let pool: OpaquePointer
    let databaseName: String
    private let secrets: [String]
    /// The newest operation time that any connection was told.
    private let operationTime = Mutex((seconds: UInt32(0), increment: UInt32(0)))

    private static let start: Void = {
        mongoc_init()
        // The driver's own words go nowhere: what matters comes back as errors.
        mongoc_log_set_handler(nil, nil)
    }()

    init(url: String, configuration: MongoConfiguration) throws(StoreError) {
        _ = Self.start
        // The driver's message would quote a part of the URL.
        guard let uri = mongoc_uri_new_with_error(url, nil) else { throw .unexpected("mongodb: the address is not a MongoDB URL") }
        defer { mongoc_uri_destroy(uri) }
        func setDefault(_ option: String, _ value: Int32) {
            if !mongoc_uri_has_option(uri, option) { _ = mongoc_uri_set_option_as_int32(uri, option, value) }
        }
        setDefault("serverselectiontimeoutms", configuration.serverSelectionMilliseconds)
        setDefault("connecttimeoutms", configuration.connectMilliseconds)
        setDefault("sockettimeoutms", configuration.socketMilliseconds)
        _ = mongoc_uri_set_option_as_int32(uri, "maxpoolsize", Int32(configuration.threads))
        // Numbered writes: MongoConnection.settle rests on them.
        _ = mongoc_uri_set_option_as_bool(uri, "retrywrites", true)
        guard let pool = mongoc_client_pool_new(uri) else { throw .unexpected("mongodb: the address asks for what this build cannot do") }
        mongoc_client_pool_set_error_api(pool, 2)
        self.pool = pool
        databaseName = mongoc_uri_get_database(uri).map { String(cString: $0) } ?? "parley"
        let password = mongoc_uri_get_password(uri).map { String(cString: $0) } ?? ""
        let encoded = password.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        secrets = [password, encoded].filter { !$0.isEmpty }
    }

    deinit { mongoc_client_pool_destroy(pool) }

    /// A text for an error, without the password, whatever put it there.
    func withoutSecrets(_ text: String) -> String {
        secrets.reduce(text) { $0.replacingOccurrences(of: $1, with: "…") }
    }

    /// Brings a session up to what other connections were told.
    func inform(_ session: OpaquePointer) {
        let (seconds, increment) = operationTime.withLock { $0 }
        if seconds > 0 { mongoc_client_session_advance_operation_time(session, seconds, increment) }
    }

    func learn(from session: OpaquePointer) {
        var (seconds, increment) = (UInt32(0), UInt32(0))
        mongoc_client_session_get_operation_time(session, &seconds, &increment)
        operationTime.withLock { known in
            if (seconds, increment) > (known.seconds, known.increment) { known = (seconds, increment) }
        }
    }
}
