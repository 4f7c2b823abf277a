import ParleyCore

/// Why a statement was not carried out, as seen by a connection.
enum PostgresFailure: Error, Equatable {
    /// There was no connection, or it was lost while nothing could have taken effect.
    case unreachable(String)
    /// The connection was lost when a commit may have been under way.
    case lost(String)
    /// PostgreSQL refused a statement; all that belongs to it was undone.
    case refused(PostgresRefusal)
    /// A row is not what the schema says.
    case damaged(String)
    /// What was to be done elsewhere inside a transaction was not; the transaction was undone.
    case abandoned(StoreError)
}

/// What PostgreSQL says of a refusal, without the texts of its message: those may repeat values.
struct PostgresRefusal: Equatable {
    /// Five characters (PostgreSQL manual, appendix "PostgreSQL Error Codes").
    let sqlState: String
    /// Of the statement that was refused.
    let statement: String
    let constraint: String?

    /// Others were in the way: a serialization failure or a deadlock. The same again may go well.
    var isConflict: Bool { sqlState == "40001" || sqlState == "40P01" }

    /// The server cannot do it now, whoever asks: out of resources, stopping or starting, a timeout, a standby.
    private var isTrouble: Bool {
        switch sqlState {
        case "25006", "55P03", "57014": true
        default: ["08", "53", "57", "58"].contains(String(sqlState.prefix(2)))
        }
    }

    fileprivate var storeError: StoreError {
        let place = "'\(statement)'" + (constraint.map { ", constraint '\($0)'" } ?? "")
        if isConflict { return .unavailable("postgresql: others were in the way too often (SQLSTATE \(sqlState) in \(place))") }
        if isTrouble { return .unavailable("postgresql: the server cannot do it now (SQLSTATE \(sqlState) in \(place))") }
        return .unexpected("postgresql: SQLSTATE \(sqlState) in \(place)")
    }
}

extension PostgresFailure {
    /// The same for callers of a store, and for operators to read.
    var storeError: StoreError {
        switch self {
        case .unreachable(let text): .unavailable("postgresql: \(text)")
        case .lost(let text): .outcomeUnknown("postgresql: \(text)")
        case .refused(let refusal): refusal.storeError
        case .damaged(let text): .unexpected("postgresql: a damaged row: \(text)")
        case .abandoned(let error): error
        }
    }
}
