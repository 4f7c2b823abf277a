public import ParleyModel

/// The conversation a client asks for. Whether its title and the number of its participants are allowed is the service's
/// question.
public enum ConversationDraft: Sendable, Equatable {
    case direct(other: UserID)
    case group(title: String?, participants: [UserID])

    public init(_ body: JSONObject) throws(FieldError) {
        switch ConversationType(rawValue: try body.requiredString("type")) {
        case .direct: self = .direct(other: try Self.other(body))
        case .group: self = .group(title: try body.string("title"), participants: try Self.participants(body))
        case nil: throw .invalid("type", reason: "must be direct or group")
        }
    }

    private static func other(_ body: JSONObject) throws(FieldError) -> UserID {
        guard body.member("participant_ids") != nil else { throw .missing("participant_ids") }
        let users = try body.ids("participant_ids", as: UserID.self)
        guard users.count == 1 else { throw .invalid("participant_ids", reason: "must hold the id of the other user, and no more") }
        guard body.member("title") == nil else { throw .invalid("title", reason: "must be null or absent: a direct conversation has none") }
        return users[0]
    }

    private static func participants(_ body: JSONObject) throws(FieldError) -> [UserID] {
        let users = try body.ids("participant_ids", as: UserID.self)
        guard Set(users).count == users.count else { throw .invalid("participant_ids", reason: "must not repeat an id") }
        return users
    }
}
