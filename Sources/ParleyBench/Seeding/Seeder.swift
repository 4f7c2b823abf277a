import Foundation
import ParleyCore
import ParleyModel

/// Fills stores before the server starts, through their ports: a million messages take seconds, not minutes.
struct Seeder {
    let stores: SeedStores
    private let now: Timestamp
    private let ids = MessageIDGenerator()

    private static let batch = 2000

    private let metadata: MetadataApplier

    init(stores: SeedStores) {
        self.stores = stores
        metadata = MetadataApplier(messages: stores.messages, conversations: stores.conversations)
        now = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }

    mutating func seed(_ plan: SeedPlan) async throws {
        try await seedPlaces(plan)
        try await group(plan.smallHistory, owner: plan.author, others: plan.readers)
        try await group(plan.largeHistory, owner: plan.author, others: plan.readers)
        try await seedList(plan)
        try await append(plan.sizes.smallHistory) { _ in (plan.smallHistory, plan.author) }
        try await append(plan.sizes.largeHistory) { _ in (plan.largeHistory, plan.author) }
        try await finishEffects()
    }

    /// Conversations to write to, and nothing in them.
    func seedPlaces(_ plan: SeedPlan) async throws {
        for (place, conversation) in plan.spread.enumerated() {
            try await group(conversation, owner: plan.author, others: plan.participants(ofSpread: place))
        }
        try await group(plan.hot, owner: plan.author, others: plan.senders)
    }

    mutating func seed(_ plan: GroupPlan) async throws {
        try await group(plan.small, owner: plan.senders[0], others: Array(plan.senders.dropFirst()))
        try await group(plan.large, owner: plan.senders[0], others: plan.senders.dropFirst() + plan.others)
        try await finishEffects()
    }

    mutating func seed(_ plan: CrowdPlan) async throws {
        try await group(plan.conversation, owner: plan.senders[0], others: Array(plan.senders.dropFirst()) + plan.listeners + plan.slow)
        try await finishEffects()
    }

    mutating func seed(_ plan: ConversationsPlan) async throws {
        for (place, conversation) in plan.conversations.enumerated() {
            let users = plan.participants(of: place)
            try await group(conversation, owner: users[users.startIndex], others: Array(users.dropFirst()))
        }
        try await append(plan.conversations.count * ConversationsPlan.messages) { message in
            let place = message % plan.conversations.count
            return (plan.conversations[place], plan.users[place * plan.participants])
        }
        try await finishEffects()
    }

    /// Half of the list is direct conversations, half groups; each has three unread messages.
    private mutating func seedList(_ plan: SeedPlan) async throws {
        var places: [(conversation: ConversationID, sender: UserID)] = []
        for (place, conversation) in plan.listed.enumerated() {
            if place.isMultiple(of: 2) {
                try await group(conversation, owner: plan.author, others: [plan.lister])
                places.append((conversation, plan.author))
            } else {
                let partner = UserID.random()
                let direct = try await stores.conversations.direct(between: partner, and: plan.lister, id: conversation, at: now)
                places.append((direct.conversationID, partner))
            }
        }
        try await append(places.count * 3) { places[$0 % places.count] }
    }

    private func group(_ id: ConversationID, owner: UserID, others: [UserID]) async throws {
        try Task.checkCancellation()
        try await stores.conversations.createGroup(id: id, title: "benchmark", creator: owner, others: others, at: now)
    }

    private mutating func append(_ count: Int, _ place: (Int) -> (conversation: ConversationID, sender: UserID)) async throws {
        for start in stride(from: 0, to: count, by: Self.batch) {
            try Task.checkCancellation()
            let places = start..<min(start + Self.batch, count)
            let batch = places.map(place).map { message(in: $0.conversation, from: $0.sender) }
            let outcomes = try await stores.messages.append(batch)
            let stored = try outcomes.map { outcome in
                guard case .stored(let message, _) = outcome else { throw BenchError.seeding("a message was not stored: \(outcome)") }
                return message
            }
            if !stores.messages.appliesMetadata { try await metadata.apply(stored) }
        }
    }

    private func message(in conversation: ConversationID, from sender: UserID) -> NewMessage {
        NewMessage(
            id: ids.next(at: now), conversationID: conversation, senderID: sender, clientMessageID: nil, messageType: .text,
            content: BenchText.message, mediaIDs: [], createdAt: now, preview: BenchText.message)
    }

    /// Nobody is waiting for the seeded messages.
    private func finishEffects() async throws {
        guard let effects = stores.effects else { return }
        try await effects.advance(to: effects.lastPosition())
    }
}

/// What every message of the benchmark says.
public enum BenchText {
    /// A hundred characters.
    public static let message = String(String(repeating: "a message of the benchmark ", count: 4).prefix(99)) + "."
}
