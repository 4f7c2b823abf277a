import CLibPQ

/// Where the PostgreSQL server is: a connection URI (`postgresql://user:password@host:5432/database?sslmode=require`) that
/// is handed to libpq whole (PostgreSQL manual, "libpq", "Connection Strings"). What it leaves out, libpq takes from its own
/// environment variables (`PGUSER`, `PGPASSFILE`, …). The server is reached directly, or through a pooler in session mode:
/// statements are prepared once a connection, and timeouts are set as the connection begins (`options`; whoever sets
/// that in the URI sets them instead of us).
///
/// Its description is for logs: it never shows the password.
public struct PostgresURL: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// With the password in it: for libpq only.
    let text: String
    private let password: String?
    /// `postgresql://host:port/database`.
    public let description: String

    /// Nil when libpq does not understand the text. A host that does not exist is found out by connecting.
    public init?(_ text: String) {
        guard text.hasPrefix("postgresql://") || text.hasPrefix("postgres://"), !text.utf8.contains(0) else { return nil }
        guard let options = PQconninfoParse(text, nil) else { return nil }
        defer { PQconninfoFree(options) }
        var found: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { found[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.text = text
        password = found["password"].flatMap { $0.isEmpty ? nil : $0 }
        let host = found["host"] ?? found["hostaddr"] ?? "localhost"
        description = "postgresql://\(host):\(found["port"] ?? "5432")/\(found["dbname"] ?? "")"
    }

    /// As ``description``.
    public var debugDescription: String { description }
    /// For `dump`, which would otherwise look inside.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }

    /// A text of libpq's as one line and without the password, should it ever repeat it.
    func redacted(_ text: String) -> String {
        var line = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
        for secret in [self.text, password ?? ""] where !secret.isEmpty {
            line = line.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "…")
        }
        return line
    }
}

/// The bounds of a connection. With no settings at all the defaults hold.
public struct PostgresLimits: Sendable {
    /// Seconds until a server that does not take the connection counts as down. libpq knows whole seconds, at least 2.
    public var connectSeconds = 5
    /// Seconds that a statement may take before the server gives it up (`statement_timeout`).
    public var statementSeconds = 10
    /// Seconds after ``statementSeconds`` until a server that does not even say so counts as lost.
    public var graceSeconds = 5
    /// How often a transaction that met others (a serialization failure, a deadlock) is tried in all.
    public var attempts = 8

    /// The defaults.
    public init() {}
}
