import CMongoC
import ParleyCore
import ParleyModel

/// One client of the pool with its session, used by one thread.
final class MongoConnection {
    private let pool: MongoPool
    private let client: OpaquePointer
    let messages: OpaquePointer
    private let writeConcern: OpaquePointer
    private let majority: OpaquePointer
    private let primary: OpaquePointer
    private var session: OpaquePointer?
    /// Whether an insert of this session was lost and may still land, until ``MongoConnection/fence()``.
    var mayStillLand = false

    init(_ pool: MongoPool, _ configuration: MongoConfiguration) {
        self.pool = pool
        client = mongoc_client_pool_pop(pool.pool)
        messages = mongoc_client_get_collection(client, pool.databaseName, MessageDocument.collection)
        writeConcern = mongoc_write_concern_new()
        mongoc_write_concern_set_wmajority(writeConcern, 0)
        mongoc_write_concern_set_wtimeout_int64(writeConcern, configuration.writeConcernMilliseconds)
        mongoc_write_concern_set_journal(writeConcern, true)
        majority = mongoc_read_concern_new()
        mongoc_read_concern_set_level(majority, "majority")
        primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY)
        // The URL may ask for less; what is promised does not.
        mongoc_collection_set_write_concern(messages, writeConcern)
        mongoc_collection_set_read_concern(messages, majority)
        mongoc_collection_set_read_prefs(messages, primary)
    }

    deinit {
        if let session { mongoc_client_session_destroy(session) }
        mongoc_read_prefs_destroy(primary)
        mongoc_read_concern_destroy(majority)
        mongoc_write_concern_destroy(writeConcern)
        mongoc_collection_destroy(messages)
        mongoc_client_pool_push(pool.pool, client)
    }

    /// Runs `body` with options that name this connection's session, and passes on what the session learns.
    func call<Value>(
        _ body: (_ options: BSON, _ error: inout bson_error_t) throws(MongoFailure) -> Value
    ) throws(MongoFailure) -> Value {
        var error = bson_error_t()
        guard let session = session ?? mongoc_client_start_session(client, nil, &error) else { throw failure(error) }
        self.session = session
        pool.inform(session)
        defer { pool.learn(from: session) }
        let options = BSON()
        guard mongoc_client_session_append(session, options.pointer, &error) else { throw failure(error) }
        return try body(options, &error)
    }

    var databaseName: String { pool.databaseName }

    /// What the driver put in `error`, without secrets.
    func failure(_ error: bson_error_t) -> MongoFailure { MongoFailure(error, pool) }

    /// Options of a write outside a collection.
    func addWriteConcern(to options: BSON) { _ = mongoc_write_concern_append(writeConcern, options.pointer) }

    // MARK: Reading

    // The planner chooses an index by trying, and keeps its choice for later queries of that shape; one tried where there
    // was little to find may read a whole conversation later. So each query names its index.

    func find(
        _ filter: BSON, by index: MongoIndex.Name, sort: (name: String, ascending: Bool)? = nil, limit: Int = 0
    ) throws(StoreError) -> [BSON] {
        try read { options in
            options.set("hint", index.rawValue)
            if let sort { options.set("sort") { $0.set(sort.name, int32: sort.ascending ? 1 : -1) } }
            if limit > 0 { options.set("limit", Int64(limit)) }
            return mongoc_collection_find_with_opts(messages, filter.pointer, options.pointer, nil)
        }
    }

    func aggregate(by index: MongoIndex.Name, _ stages: [BSON]) throws(StoreError) -> [BSON] {
        let pipeline = BSON { $0.setArray("pipeline", of: stages) { $0.set($1, $2) } }
        return try read { options in
            options.set("hint", index.rawValue)
            return mongoc_collection_aggregate(messages, MONGOC_QUERY_NONE, pipeline.pointer, options.pointer, nil)
        }
    }

    /// All documents of a cursor.
    func read(_ open: (_ options: BSON) -> OpaquePointer?) throws(StoreError) -> [BSON] {
        var found: [BSON] = []
        try forEach(open) { document in found.append(document) }
        return found
    }

    /// The documents of a cursor one by one, however many there are.
    func forEach(_ open: (_ options: BSON) -> OpaquePointer?, _ body: (BSON) -> Void) throws(StoreError) {
        do throws(MongoFailure) {
            try call { options, error throws(MongoFailure) in
                let cursor = open(options)
                defer { mongoc_cursor_destroy(cursor) }
                var document: OpaquePointer?
                while mongoc_cursor_next(cursor, &document) {
                    if let document { body(BSON(copying: document)) }
                }
                if mongoc_cursor_error(cursor, &error) { throw failure(error) }
            }
        } catch {
            throw error.asStoreError
        }
    }

    /// A command on the database that may be repeated.
    @discardableResult
    func command(_ command: BSON, isWrite: Bool = false) throws(StoreError) -> BSON {
        do throws(MongoFailure) {
            return try call { options, error throws(MongoFailure) in
                if isWrite { addWriteConcern(to: options) }
                var reply: OpaquePointer?
                let isDone = parley_mongoc_command(
                    client, pool.databaseName, command.pointer, primary, options.pointer, &reply, &error)
                let answer = reply.map(BSON.init(owning:)) ?? BSON()
                guard isDone else { throw failure(error) }
                return answer
            }
        } catch {
            throw error.asStoreError
        }
    }
}
