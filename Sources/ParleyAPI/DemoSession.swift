public import ParleyCore
public import ParleyModel

/// Ada and Ben, a direct conversation of theirs, and tokens for both: what the demo page starts from. Only made while
/// the development secret is in use, which is only accepted on a loopback address.
public struct DemoSession: Sendable {
    public static let ada = UserID("ada00000-0000-4000-8000-000000000001")!
    public static let ben = UserID("be200000-0000-4000-8000-000000000002")!
    static let tokenSeconds = 86_400.0

    let issuer: TokenIssuer
    let conversations: ConversationService
    let timeSource: any TimeSource

    public init(issuer: TokenIssuer, conversations: ConversationService, timeSource: any TimeSource) {
        self.issuer = issuer
        self.conversations = conversations
        self.timeSource = timeSource
    }

    /// The conversation is made at the first call.
    public func conversation() async throws(ParleyError) -> ConversationID {
        try await conversations.direct(with: Self.ben, as: Caller(userID: Self.ada)).view.conversation.id
    }

    func json() async throws -> [UInt8] {
        let conversation = try await conversation()
        var users: [(id: UserID, name: String, token: String)] = []
        for (id, name) in [(Self.ada, "Ada"), (Self.ben, "Ben")] {
            let token = try await issuer.token(for: id, isService: false, seconds: Self.tokenSeconds, at: timeSource.now())
            users.append((id, name, token))
        }
        var json = JSONWriter()
        json.object { json in
            json.name("users")
            json.array(users) { json, user in
                json.object { json in
                    json.name("id")
                    json.id(user.id)
                    json.name("name")
                    json.string(user.name)
                    json.name("token")
                    json.string(user.token)
                }
            }
            json.name("conversation_id")
            json.id(conversation)
        }
        return json.bytes
    }
}
