import CLibPQ

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An established connection in pipeline mode (PostgreSQL manual, "libpq", "Pipeline Mode"): statements, and the preparing of
/// those that are new to the connection, leave together; what lies between two synchronisation points is one transaction,
/// unless one was begun.
final class PostgresPipeline {
    private let handle: OpaquePointer
    private let url: PostgresURL
    /// Texts by name.
    private var prepared: [String: String] = [:]
    private var isBroken = false

    /// Connects; blocks up to the limit.
    init(_ url: PostgresURL, limits: PostgresLimits) throws(PostgresFailure) {
        // Values further on win: what the URI says goes before these defaults.
        let settings = [
            ("connect_timeout", "\(limits.connectSeconds)"), ("fallback_application_name", "parley"), ("client_encoding", "UTF8"),
            ("keepalives_idle", "10"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "\(1000 * (limits.statementSeconds + limits.graceSeconds))"),
            // Every statement is served by an index whatever its values are and however large the tables: planning it again for
            // each execution would be wasted, and a plan made while the tables were empty must not read them whole later.
            (
                "options",
                "-c statement_timeout=\(limits.statementSeconds)s -c idle_in_transaction_session_timeout=60s -c jit=off "
                    + "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
            ),
            ("dbname", url.text),
        ]
        let connection = withCStrings(settings.map(\.0)) { names in
            withCStrings(settings.map(\.1)) { values in PQconnectdbParams(names, values, 1) }
        }
        guard let connection else { throw .unreachable("no memory for a connection") }
        guard PQstatus(connection) == CONNECTION_OK, PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            let text = url.redacted(String(cString: PQerrorMessage(connection)))
            PQfinish(connection)
            throw .unreachable(text)
        }
        // Without this libpq writes notices to standard error.
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        handle = connection
        self.url = url
    }

    deinit { PQfinish(handle) }

    /// False when the server has gone in the meantime, as far as the socket tells. An idle server says nothing: whatever can
    /// be read is its last words, or the end.
    var isAlive: Bool {
        guard !isBroken else { return false }
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 0) > 0 else { return true }
        return PQconsumeInput(handle) == 1 && PQconsumeInput(handle) == 1 && PQstatus(handle) == CONNECTION_OK
    }

    /// Runs the statements up to a synchronisation point. After anything but a refusal the pipeline is of no more use.
    func run(_ calls: [PostgresCall], seconds: Int) throws(PostgresFailure) -> [PostgresRows] {
        isBroken = true
        var prepares: [PostgresStatement?] = []
        for call in calls {
            let known = prepared[call.statement.name]
            assert(known == nil || known == call.statement.sql, "two statements are named '\(call.statement.name)'")
            let isNew = known == nil && !prepares.contains { $0?.name == call.statement.name }
            prepares.append(isNew ? call.statement : nil)
            if isNew { try prepare(call) }
            try send(call)
        }
        guard PQpipelineSync(handle) == 1 else { throw .unreachable(message) }
        let rows = try answers(calls, prepares, until: .now + .seconds(seconds))
        isBroken = false
        return try rows.get()
    }

    // MARK: Sending

    private func prepare(_ call: PostgresCall) throws(PostgresFailure) {
        let types = call.parameters.map(\.type)
        let sent = PQsendPrepare(handle, call.statement.name, call.statement.sql, Int32(types.count), types)
        guard sent == 1 else { throw .unreachable(message) }
    }

    private func send(_ call: PostgresCall) throws(PostgresFailure) {
        let bytes = call.parameters.flatMap { $0.bytes ?? [] }
        let lengths = call.parameters.map { Int32($0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: call.parameters.count)
        let sent = (bytes + [0]).withUnsafeBytes { buffer in
            var offset = 0
            let values = call.parameters.map { parameter -> UnsafePointer<CChar>? in
                guard let bytes = parameter.bytes else { return nil }
                defer { offset += bytes.count }
                return (buffer.baseAddress! + offset).assumingMemoryBound(to: CChar.self)
            }
            return PQsendQueryPrepared(handle, call.statement.name, Int32(values.count), values, lengths, formats, 1)
        }
        guard sent == 1 else { throw .unreachable(message) }
    }

    // MARK: Receiving

    /// Each statement's answer, or the first refusal, once the server has reached the synchronisation point: before that
    /// nothing is sure to be committed.
    private func answers(
        _ calls: [PostgresCall], _ prepares: [PostgresStatement?], until deadline: ContinuousClock.Instant
    ) throws(PostgresFailure) -> Result<[PostgresRows], PostgresFailure> {
        var rows: [PostgresRows] = []
        var refusal: PostgresFailure?
        for (call, new) in zip(calls, prepares) {
            if let new, try next(of: new, &refusal, deadline) != nil { prepared[new.name] = new.sql }
            if let answer = try next(of: call.statement, &refusal, deadline) { rows.append(answer) }
        }
        guard let end = try result(deadline) else { throw .lost("an answer ended before its time") }
        defer { PQclear(end) }
        guard PQresultStatus(end) == PGRES_PIPELINE_SYNC else { throw .lost(message) }
        return refusal.map { .failure($0) } ?? .success(rows)
    }

    /// The answer to one statement; nil when it, or one before it, was refused.
    private func next(
        of statement: PostgresStatement, _ refusal: inout PostgresFailure?, _ deadline: ContinuousClock.Instant
    ) throws(PostgresFailure) -> PostgresRows? {
        var answer: PostgresRows?
        while let result = try result(deadline) {
            let rows = PostgresRows(result)
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK: answer = rows
            case PGRES_PIPELINE_ABORTED: break
            default:
                guard PQstatus(handle) == CONNECTION_OK, let found = Self.refusal(result, statement) else { throw .lost(message) }
                refusal = refusal ?? .refused(found)
            }
        }
        return answer
    }

    /// Nil when the server ended the connection with it, or libpq made it up.
    private static func refusal(_ result: OpaquePointer, _ statement: PostgresStatement) -> PostgresRefusal? {
        func field(_ letter: Unicode.Scalar) -> String? {
            PQresultErrorField(result, Int32(letter.value)).map { String(cString: $0) }
        }
        guard let state = field("C"), field("V") == "ERROR" else { return nil }
        return PostgresRefusal(sqlState: state, statement: statement.name, constraint: field("n"))
    }

    /// Waits for the next result; nil is the end of a statement's results.
    private func result(_ deadline: ContinuousClock.Instant) throws(PostgresFailure) -> OpaquePointer? {
        while true {
            let unsent = PQflush(handle)
            if unsent < 0 { throw .lost(message) }
            if unsent == 0, PQisBusy(handle) == 0 { return PQgetResult(handle) }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .lost("the server did not answer in time") }
            var descriptor = pollfd(fd: PQsocket(handle), events: Int16(unsent == 0 ? POLLIN : POLLIN | POLLOUT), revents: 0)
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
            if poll(&descriptor, 1, Int32(min(milliseconds, 60_000))) < 0, errno != EINTR { throw .lost("poll failed (\(errno))") }
            if descriptor.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0, PQconsumeInput(handle) == 0 { throw .lost(message) }
        }
    }

    private var message: String { url.redacted(String(cString: PQerrorMessage(handle))) }
}

/// Runs the body on a list of C strings that ends with a null pointer.
private func withCStrings<Value>(_ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value) -> Value {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { body($0.baseAddress!) }
}
