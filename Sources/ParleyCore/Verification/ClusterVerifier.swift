import ParleyModel

/// Proves P2 to P4 where messages and conversations are in two engines, while nodes may be writing: numbers gapless and unique,
/// keys unique, last message and every unread count recomputed.
///
/// Conversations are read first, a page at one moment, then their messages. What a page says is of messages that were stored
/// before it was read; those must be there. Messages that came since, or that no node has applied yet, are above what the
/// page says, and are only looked at for holes. Whether they are applied is asked a second time when they have been read: what
/// then is not is told of (``VerificationReport/unappliedMessages``), and so is a conversation that still does not exist.
///
/// It keeps a page of conversations with their participants in memory, and one of messages.
public struct ClusterVerifier: Sendable {
    /// Messages read at once.
    static let pageLength = 5000
    /// Conversations that may wait for being looked at a second time.
    static let maxUnknown = 500

    private let messages: any VerifiableMessages
    private let conversations: any VerifiableConversations

    public init(messages: any VerifiableMessages, conversations: any VerifiableConversations) {
        self.messages = messages
        self.conversations = conversations
    }

    public func verify() async throws(StoreError) -> VerificationReport {
        var report = VerificationReport()
        let obstacles = try await messages.obstacles()
        for obstacle in obstacles { report.add(obstacle) }
        guard obstacles.isEmpty else { return report }
        for stray in try await messages.strays() { report.add(stray) }
        var after: ConversationID?
        while true {
            let page = try await conversations.page(after: after)
            try await check(page, after: after, &report)
            guard let last = page.last?.id else { break }
            after = last
        }
        let repeats = try await messages.repeatedKeyCount()
        if repeats > 0 { report.add("\(repeats) client_message_ids have more than one message") }
        return report
    }

    /// - Parameter page: Empty for what lies behind the last conversation.
    private func check(_ page: [ConversationFacts], after: ConversationID?, _ report: inout VerificationReport) async throws(StoreError) {
        var proofs = page.map { ConversationProof($0, mayBeAhead: true) }
        let places = Dictionary(uniqueKeysWithValues: page.indices.map { (page[$0].id, $0) })
        var unknown: [ConversationID: UnknownMessages] = [:]
        var heads = MessageHeadPages(messages, after: after, through: page.last?.id, limit: Self.pageLength)
        while let some = try await heads.next() {
            for head in some {
                if let place = places[head.conversationID] {
                    proofs[place].take(number: head.sequenceNumber, from: head.senderID, &report)
                } else {
                    unknown[head.conversationID, default: UnknownMessages()].add(head.sequenceNumber)
                }
            }
            if unknown.count > Self.maxUnknown { try await settle(&unknown, &report) }
        }
        try await settle(&unknown, &report)
        let lastOnes = try await messages.messages(
            at: page.filter { $0.lastSequence > 0 }.map { MessagePlace(conversationID: $0.id, sequenceNumber: $0.lastSequence) })
        // Of a number that is used twice, one is as good as the other: that is a finding of its own.
        let last = Dictionary(lastOnes.map { ($0.conversationID, $0) }) { first, _ in first }
        for proof in proofs { proof.finish(lastMessage: last[proof.facts.id], &report) }
        try await countUnapplied(proofs, &report)
    }

    private func countUnapplied(_ proofs: [ConversationProof], _ report: inout VerificationReport) async throws(StoreError) {
        let ahead = proofs.filter { $0.ahead > 0 }
        guard !ahead.isEmpty else { return }
        let applied = try await conversations.appliedSequences(of: ahead.map(\.facts.id))
        for proof in ahead { report.unappliedMessages += max(0, proof.last - (applied[proof.facts.id] ?? 0)) }
    }

    /// A conversation may have been made after its page was read.
    private func settle(
        _ unknown: inout [ConversationID: UnknownMessages], _ report: inout VerificationReport
    ) async throws(StoreError) {
        guard !unknown.isEmpty else { return }
        let applied = try await conversations.appliedSequences(of: Array(unknown.keys))
        for (id, messages) in unknown.sorted(by: { $0.key < $1.key }) {
            report.messages += messages.count
            if let applied = applied[id] {
                report.unappliedMessages += max(0, messages.last - applied)
            } else {
                report.add("\(messages.count) messages belong to no conversation: there is none with the id \(id)")
            }
        }
        unknown = [:]
    }
}

/// Messages of a conversation that was not there.
private struct UnknownMessages {
    var count = 0
    var last: Int64 = 0

    mutating func add(_ number: Int64) {
        count += 1
        last = max(last, number)
    }
}
