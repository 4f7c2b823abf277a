/// The caller's token, asked for when there is none or when the server wants another.
actor TokenKeeper {
    private let provider: @Sendable () async throws -> String
    private var current: String?

    init(_ provider: @escaping @Sendable () async throws -> String) {
        self.provider = provider
    }

    /// The token in use, or a new one.
    func token(fresh: Bool = false) async throws -> String {
        if let current, !fresh { return current }
        let token = try await provider()
        current = token
        return token
    }

    /// A token other than the one that was refused.
    func token(insteadOf refused: String) async throws -> String {
        try await token(fresh: current == refused)
    }
}
