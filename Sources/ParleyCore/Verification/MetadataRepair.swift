import ParleyModel

/// Brings conversations up to the messages that are stored: after PostgreSQL was restored from a backup that is older than
/// MongoDB's, no node is left that owes the metadata of what came between.
///
/// Each conversation's missing messages are applied once and in order (P4), also while nodes write; it may be stopped and run
/// again. Nothing is published and nobody notified: that was done when the messages came. It adds no conversation that is
/// missing and takes back nothing that is too much, ``ClusterVerifier`` says which those are.
public struct MetadataRepair: Sendable {
    /// Conversations looked at together.
    static let pageLength = 1000

    private let messages: any VerifiableMessages
    private let conversations: any VerifiableConversations
    private let applier: MetadataApplier

    /// - Parameters:
    ///   - messages: Of the same engine as the applier's.
    ///   - conversations: Likewise.
    public init(messages: any VerifiableMessages, conversations: any VerifiableConversations, applier: MetadataApplier) {
        self.messages = messages
        self.conversations = conversations
        self.applier = applier
    }

    /// Looks at all conversations. What cannot be repaired is in the report; it throws where an engine fails, and what was
    /// applied by then stays.
    public func run() async throws(StoreError) -> RepairReport {
        var report = RepairReport()
        var after: ConversationID?
        while true {
            // Before the messages: what is applied by now must be among them.
            let page = try await conversations.appliedSequences(after: after, limit: Self.pageLength)
            guard let last = page.last else { return report }
            let stored = try await messages.lastNumbers(of: page.map(\.id))
            for (id, applied) in page {
                report.conversations += 1
                try await bring(id, from: applied, to: stored[id] ?? 0, &report)
            }
            after = last.id
        }
    }

    private func bring(
        _ conversation: ConversationID, from applied: Int64, to stored: Int64, _ report: inout RepairReport
    ) async throws(StoreError) {
        if stored == applied { return }
        guard stored > applied else {
            report.add(
                "the conversation \(conversation) counts \(applied) messages, and \(stored) are stored: its metadata are newer than the messages"
            )
            return
        }
        do throws(StoreError) {
            try await applier.catchUp(conversation, from: applied, through: stored)
            report.repaired += 1
            report.counted += stored - applied
        } catch {
            guard case .unexpected(let cause) = error else { throw error }
            report.add("the conversation \(conversation) cannot be brought up to its messages: \(cause)")
        }
    }
}

/// What ``MetadataRepair`` saw and did.
public struct RepairReport: Sendable, Equatable {
    /// Looked at.
    public var conversations = 0
    /// Conversations that lacked messages and have them now.
    public var repaired = 0
    /// How many messages those were.
    public var counted: Int64 = 0
    /// A sentence for each conversation that cannot be repaired, the first of them.
    public private(set) var findings: [String] = []
    /// All of those, shown or not.
    public private(set) var findingCount = 0

    mutating func add(_ finding: String) {
        findingCount += 1
        if findings.count < VerificationReport.maxFindings { findings.append(finding) }
    }
}
