import ParleyCore

/// Asks the store for what came after the plans of connections that subscribe: once for all that wait, not once for each.
///
/// What comes after a plan grows while others are served. When ten thousand come back while messages are sent, each would
/// be told of thousands of conversations that are not its own, and the store would do little else.
actor NewestNumbers {
    private enum Word {
        case finished(Result<Void, StoreError>)
        /// The read under way had begun before: read for all who wait.
        case lead
    }

    private let heads: @Sendable (ActivityMark) async throws(StoreError) -> ActivityHeads
    private var waiting: [(mark: ActivityMark, continuation: CheckedContinuation<Word, Never>)] = []
    private var isReading = false

    init(_ heads: @escaping @Sendable (ActivityMark) async throws(StoreError) -> ActivityHeads) {
        self.heads = heads
    }

    /// Returns when everything that was stored after the mark and before this call has been taught. One of those who ask
    /// reads and teaches for the others; all of them would teach the same.
    func read(after mark: ActivityMark, _ teach: @escaping @Sendable (ActivityHeads) -> Void) async throws(StoreError) {
        if isReading {
            let word = await withCheckedContinuation { waiting.append((mark, $0)) }
            if case .finished(let result) = word { return try result.get() }
        }
        isReading = true
        let followers = waiting
        waiting = []
        let result = await lead(after: followers.map(\.mark).reduce(mark, min), teach)
        for follower in followers { follower.continuation.resume(returning: .finished(result)) }
        if waiting.isEmpty {
            isReading = false
        } else {
            waiting.removeFirst().continuation.resume(returning: .lead)
        }
        try result.get()
    }

    /// How many wait for a read that has not begun.
    var waitingCount: Int { waiting.count }

    /// In a task of its own, which this one waits for: others wait for the answer too, and it must not fail because the one
    /// who asks was cancelled.
    private func lead(
        after mark: ActivityMark, _ teach: @escaping @Sendable (ActivityHeads) -> Void
    ) async -> Result<Void, StoreError> {
        await Task { [heads] in
            do throws(StoreError) { return .success(teach(try await heads(mark))) } catch { return .failure(error) }
        }.value
    }
}
