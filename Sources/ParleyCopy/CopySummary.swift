public import ParleyModel

/// What a run of a copy has done.
public struct CopySummary: Sendable, Equatable {
    /// How it ended.
    public enum End: Sendable, Equatable {
        /// Nobody serves the folder, and the target holds all of it.
        case finished
        /// A server still serves the folder. Once it is stopped, the command has to be run once more.
        case stillServed
        /// The copy was finished before, and nodes have worked on the target since: nothing was looked at.
        case finishedBefore(Timestamp)
    }

    public var end: End
    public var counts: CopyCounts
    public var passes: Int
    /// How long the run took.
    public var seconds: Double
}

/// What there is in the folder, and what of it was new to the target.
public struct CopyCounts: Sendable, Equatable {
    /// Messages that were stored.
    public var messages: Int64 = 0
    /// Rows of conversations, participants, media, devices, departures, revocations, settings, alerts and what devices show that were
    /// written or removed.
    public var rows: Int64 = 0
    public var pushJobs: Int64 = 0
    public var deadLetters: Int64 = 0
    /// Conversations and participants that were compared, in the last pass.
    public var conversations: Int64 = 0
    public var participants: Int64 = 0

    /// All that was changed.
    public var changes: Int64 { messages + rows + pushJobs + deadLetters }

    /// Takes up what a further pass did.
    mutating func add(_ pass: CopyCounts) {
        messages += pass.messages
        rows += pass.rows
        pushJobs += pass.pushJobs
        deadLetters += pass.deadLetters
        conversations = pass.conversations
        participants = pass.participants
    }
}
