public import ParleyCore

/// The opened stores of a data folder.
public struct SeedStores: Sendable {
    public let messages: any MessageStore
    public let conversations: any ConversationStore
    /// Its mark is moved behind what was seeded, so that the server does not begin by publishing a million messages.
    /// Nil where what is seeded leaves nothing to be done.
    public let effects: (any EffectLog)?
    /// Closes the stores; afterwards another process can open the folder.
    public let close: @Sendable () async -> Void

    public init(
        messages: any MessageStore, conversations: any ConversationStore, effects: (any EffectLog)?,
        close: @escaping @Sendable () async -> Void
    ) {
        self.messages = messages
        self.conversations = conversations
        self.effects = effects
        self.close = close
    }
}
