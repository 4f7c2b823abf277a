import CLibPQ
import ParleyEngines

/// One connection to PostgreSQL, of one thread, which its calls block: to be used on ``ParleyEngines/DriverThreads`` only.
///
/// It connects when it is first needed, and again after it was lost, at most as often as its ``ParleyEngines/Backoff`` allows;
/// in between, calls fail at once with what went wrong.
final class PostgresConnection {
    private let url: PostgresURL
    let limits: PostgresLimits
    private var pipeline: PostgresPipeline?
    private var backoff = Backoff()
    private var refusal: (until: ContinuousClock.Instant, failure: PostgresFailure)?

    init(_ url: PostgresURL, limits: PostgresLimits) {
        self.url = url
        self.limits = limits
    }

    // MARK: Statements

    func read(_ call: PostgresCall) throws(PostgresFailure) -> PostgresRows {
        try read([call])[0]
    }

    /// Runs statements that change nothing; together they are one round trip. Each sees its own snapshot.
    func read(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresRows] {
        do throws(PostgresFailure) {
            return try run(calls)
        } catch {
            throw error.withoutEffect
        }
    }

    func write(_ call: PostgresCall) throws(PostgresFailure) -> PostgresRows {
        try write([call])[0]
    }

    /// Runs statements as one transaction in one round trip. It is tried again when it met others.
    func write(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresRows] {
        try retrying { () throws(PostgresFailure) in try run(calls) }
    }

    fileprivate static let commit = PostgresStatement("commit", "COMMIT")
    private static let rollback = PostgresStatement("rollback", "ROLLBACK")

    /// Runs `body` between BEGIN and COMMIT; it is run again when it met others, and undone when it throws.
    func transaction<Value>(
        _ body: (PostgresTransaction) throws(PostgresFailure) -> Value
    ) throws(PostgresFailure) -> Value {
        try retrying { () throws(PostgresFailure) in
            let pipeline = try connected()
            let transaction = PostgresTransaction { [self] calls throws(PostgresFailure) in try run(calls, on: pipeline) }
            do throws(PostgresFailure) {
                let value = try body(transaction)
                // Only from here on can a lost connection leave it open what happened.
                if transaction.hasBegun { _ = try run([Self.commit()], on: pipeline) }
                return value
            } catch {
                if self.pipeline != nil { _ = try? run([Self.rollback()], on: pipeline) }
                throw error
            }
        }
    }

    // MARK: Trying again

    private func retrying<Value>(_ body: () throws(PostgresFailure) -> Value) throws(PostgresFailure) -> Value {
        var attempt = 1
        while true {
            do throws(PostgresFailure) {
                return try body()
            } catch {
                guard case .refused(let refusal) = error, refusal.isConflict, attempt < limits.attempts else { throw error }
                attempt += 1
            }
        }
    }

    private func run(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresRows] {
        try run(calls, on: connected())
    }

    private func run(_ calls: [PostgresCall], on pipeline: PostgresPipeline) throws(PostgresFailure) -> [PostgresRows] {
        do throws(PostgresFailure) {
            return try pipeline.run(calls, seconds: limits.statementSeconds + limits.graceSeconds)
        } catch {
            if case .refused = error { throw error }
            self.pipeline = nil
            throw error
        }
    }

    // MARK: Connecting

    private func connected() throws(PostgresFailure) -> PostgresPipeline {
        if let pipeline, pipeline.isAlive { return pipeline }
        pipeline = nil
        if let refusal, ContinuousClock.now < refusal.until { throw refusal.failure }
        do throws(PostgresFailure) {
            let made = try PostgresPipeline(url, limits: limits)
            pipeline = made
            refusal = nil
            backoff.reset()
            return made
        } catch {
            refusal = (.now + .seconds(backoff.next()), error)
            throw error
        }
    }
}

/// An open transaction, inside ``PostgresConnection/transaction(_:)``.
final class PostgresTransaction {
    private let send: ([PostgresCall]) throws(PostgresFailure) -> [PostgresRows]
    fileprivate private(set) var hasBegun = false

    fileprivate init(_ send: @escaping ([PostgresCall]) throws(PostgresFailure) -> [PostgresRows]) {
        self.send = send
    }

    func run(_ call: PostgresCall) throws(PostgresFailure) -> PostgresRows {
        try run([call])[0]
    }

    private static let begin = PostgresStatement("begin", "BEGIN")

    /// Statements that leave together; the first ones take BEGIN along.
    func run(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresRows] {
        let opening = hasBegun ? [] : [Self.begin()]
        hasBegun = true
        do throws(PostgresFailure) {
            return Array(try send(opening + calls).dropFirst(opening.count))
        } catch {
            // The server undoes what was not committed.
            throw error.withoutEffect
        }
    }

    /// Statements and COMMIT leave together: the last of the transaction. When the connection is lost, it is open what
    /// happened.
    func commit(_ calls: [PostgresCall]) throws(PostgresFailure) -> [PostgresRows] {
        let rows = try send(calls + [PostgresConnection.commit()])
        hasBegun = false
        return rows.dropLast()
    }
}

extension PostgresFailure {
    /// The same of calls that cannot have changed anything.
    fileprivate var withoutEffect: PostgresFailure {
        if case .lost(let text) = self { .unreachable(text) } else { self }
    }
}
