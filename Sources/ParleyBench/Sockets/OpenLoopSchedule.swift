import NIOCore

/// When each message of an open loop is to be sent: every conversation gets one a second, and over all of them they are
/// spread evenly. Latency counts from these times on, whether or not the sender could keep them.
struct OpenLoopSchedule: Sendable, Equatable {
    let conversations: Int
    private static let second: Int64 = 1_000_000_000

    /// How many messages are due when this much has passed since the start.
    func due(after elapsed: TimeAmount) -> Int {
        guard elapsed.nanoseconds >= 0 else { return 0 }
        let (seconds, rest) = elapsed.nanoseconds.quotientAndRemainder(dividingBy: Self.second)
        // Message k of a second is due at k / conversations of it: k <= rest * conversations.
        return Int(seconds) * conversations + Int(rest * Int64(conversations) / Self.second) + 1
    }

    /// Which conversation a message goes to, and which of the conversation's messages it is, both from 0.
    func place(of message: Int) -> (conversation: Int, round: Int) {
        (message % conversations, message / conversations)
    }

    /// The time of a conversation's message, from the start.
    func time(of round: Int, in conversation: Int) -> TimeAmount {
        let offset = (Int64(conversation) * Self.second + Int64(conversations) - 1) / Int64(conversations)
        return .nanoseconds(Int64(round) * Self.second + offset)
    }
}
