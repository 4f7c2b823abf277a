/// How much of everything the rows of notifications take.
struct PushSizes: Sendable, Equatable {
    /// Who have a device at each push service.
    let users: Int
    /// Recipients of a message in a group.
    let groupRecipients: Int
    /// Recipients of a message in the large group.
    let largeRecipients: Int
    /// Requests under way at once where there is no worker.
    let callers: Int
    /// Queued and not accepted yet, at most, where as much is sent as can be.
    let maxOpen: Int
    /// Messages a second where a push service stalls beside another one.
    let openLoopMessages: Double

    static let full = PushSizes(
        users: 1000, groupRecipients: 10, largeRecipients: 10_000, callers: 500, maxOpen: 4000, openLoopMessages: 50)

    static let quick = PushSizes(
        users: 40, groupRecipients: 10, largeRecipients: 600, callers: 20, maxOpen: 200, openLoopMessages: 10)
}
