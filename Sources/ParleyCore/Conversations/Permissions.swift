public import ParleyModel

/// What can be done in a conversation. The table below is the one of docs/PERMISSIONS.md; a test compares them.
public enum ConversationAction: String, Sendable, CaseIterable {
    /// History, participants, the conversation itself, presence of its participants.
    case read
    case markRead = "mark_read"
    case mute
    case leave
    case sendMessage = "send_message"
    case rename
    /// Adding members and read-only participants, changing between the two, removing them.
    case manageMembers = "manage_members"
    /// Giving or taking the roles admin and owner, removing their holders.
    case manageAdmins = "manage_admins"
}

public enum Permissions {
    /// Whether a role may do it. Who is not a participant may do nothing.
    public static func allows(_ role: Role, _ action: ConversationAction) -> Bool {
        switch action {
        case .read, .markRead, .mute, .leave: true
        case .sendMessage: role != .readOnly
        case .rename, .manageMembers: role == .owner || role == .admin
        case .manageAdmins: role == .owner
        }
    }

    /// What it takes to turn a participant's role (nil: none yet) into another (nil: removed).
    public static func action(changing from: Role?, to: Role?) -> ConversationAction {
        func isHigh(_ role: Role?) -> Bool { role == .owner || role == .admin }
        return isHigh(from) || isHigh(to) ? .manageAdmins : .manageMembers
    }
}
