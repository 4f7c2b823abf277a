/// What a process does.
enum NodeRole: String, CaseIterable, Sendable {
    /// REST.
    case api
    /// Sockets and streams of events.
    case gateway
    /// Sending notifications.
    case push

    static let all = allCases.map(\.rawValue).joined(separator: ",")
}

extension Settings {
    var roles: Set<NodeRole> { Set(text("roles").split(separator: ",").compactMap { NodeRole(rawValue: String($0)) }) }
}
