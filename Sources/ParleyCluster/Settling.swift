import ParleyCore
import ParleyEngines

/// How long messages that are stored wait for what must follow.
struct Settling {
    private let seconds: Double
    private var deadline: ContinuousClock.Instant?
    private var backoff = Backoff(first: 0.05, longest: 1)

    init(seconds: Double) { self.seconds = seconds }

    /// Time counts from the first question.
    var isOver: Bool {
        mutating get {
            let deadline = deadline ?? .now + .seconds(seconds)
            self.deadline = deadline
            return ContinuousClock.now >= deadline
        }
    }

    /// Waits a moment before the next try; throws `outcomeUnknown` when there should be none.
    mutating func pause(after error: StoreError) async throws(StoreError) {
        switch error {
        case .unavailable(let cause), .outcomeUnknown(let cause):
            if isOver { throw .outcomeUnknown("\(cause); the messages are stored") }
        default: throw .outcomeUnknown("\(error); the messages are stored")
        }
        let due = Duration.seconds(backoff.next())
        // In a task of its own, which the caller's end does not end: what is stored must be settled.
        await Task { try? await Task.sleep(for: due) }.value
    }
}
