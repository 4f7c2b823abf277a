import Synchronization

/// How much may be under way at once at one provider, and whether it is worth waiting for.
///
/// While the provider answers quickly, those who come wait for their turn: it is only busy. It is *stalled* when it has answered
/// nothing for as long as the patience, with all under way that may be; then those who wait are sent away, and so is whoever
/// comes, but for a few who try whether it answers again, until the first answer that is more than "later". It is *slow* when its
/// answers take longer than the patience; then those are sent away for whom there is no room at once.
final class SendWindow: Sendable {
    enum Turn: Sendable, Equatable {
        /// To be given back with ``giveBack(isAnswered:after:)``.
        case granted
        /// There is no room, and waiting is not worth it, since so long.
        case refused(Duration)
        case cancelled
    }

    /// Who may go while the provider stalls.
    static let probes = 2
    /// The weight of the newest answer in the time that answers take.
    private static let newest = 0.1

    private struct State {
        var underWay = 0
        /// In the order of coming.
        var waiting: [(number: UInt64, continuation: CheckedContinuation<Turn, Never>)] = []
        var lastNumber: UInt64 = 0
        /// When there was last an answer, or nothing to be answered.
        var movedAt = ContinuousClock.now
        /// How long answers take, the newest ones above all.
        var answerTime: Duration?
        var isStalled = false
        /// Since when nobody waits.
        var refusesSince: ContinuousClock.Instant?

        mutating func refusal(at now: ContinuousClock.Instant) -> Turn {
            let since = refusesSince ?? now
            refusesSince = since
            return .refused(max(.zero, now - since))
        }
    }

    private let size: Int
    private let patience: Duration
    private let state = Mutex(State())

    init(size: Int, patience: Duration) {
        self.size = max(1, size)
        self.patience = patience
    }

    var isStalled: Bool { state.withLock { $0.isStalled } }
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    func take() async -> Turn {
        // Where there is room nobody waits, and nothing has to be made for it.
        if let turn = turn(or: nil) { return turn }
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let turn = turn(or: (number, continuation)) { continuation.resume(returning: turn) }
            }
        } onCancel: {
            state.withLock { state in
                let place = state.waiting.firstIndex { $0.number == number }
                return place.map { state.waiting.remove(at: $0).continuation }
            }?.resume(returning: .cancelled)
        }
    }

    /// Nil when it has to be waited for, as the waiter does from then on.
    private func turn(or waiter: (UInt64, CheckedContinuation<Turn, Never>)?) -> Turn? {
        state.withLock { state in
            // A cancellation that comes before the waiter is kept shows here.
            if Task.isCancelled { return .cancelled }
            let now = ContinuousClock.now
            if state.underWay == 0 { state.movedAt = now }
            // Where it shows already nobody waits for the next look: whoever waits here keeps its jobs' other alerts from beginning.
            if state.underWay >= size, now - state.movedAt >= patience { state.isStalled = true }
            if state.isStalled {
                guard state.underWay < min(Self.probes, size) else { return state.refusal(at: now) }
            } else if state.underWay >= size || !state.waiting.isEmpty {
                guard isQuick(state) else { return state.refusal(at: now) }
                if let waiter { state.waiting.append(waiter) }
                return nil
            } else if isQuick(state) {
                state.refusesSince = nil
            }
            state.underWay += 1
            return .granted
        }
    }

    private func isQuick(_ state: borrowing State) -> Bool { state.answerTime.map { $0 <= patience } ?? true }

    /// - Parameters:
    ///   - isAnswered: False for "later", which does not end a stall.
    ///   - duration: How long the answer took; nil when nothing was asked.
    func giveBack(isAnswered: Bool, after duration: Duration? = nil) {
        let next = state.withLock { state -> CheckedContinuation<Turn, Never>? in
            state.underWay -= 1
            state.movedAt = .now
            if isAnswered { state.isStalled = false }
            if let duration { state.answerTime = (state.answerTime ?? duration) * (1 - Self.newest) + duration * Self.newest }
            guard !state.isStalled, !state.waiting.isEmpty, state.underWay < size else { return nil }
            state.underWay += 1
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: .granted)
    }

    /// To be called now and then while somebody waits: sends them away when it is not worth it.
    func look(at now: ContinuousClock.Instant = .now) {
        let sentAway = state.withLock { state -> [(CheckedContinuation<Turn, Never>, Turn)] in
            guard !state.waiting.isEmpty else { return [] }
            if now - state.movedAt >= patience { state.isStalled = true }
            guard state.isStalled || !isQuick(state) else { return [] }
            defer { state.waiting = [] }
            return state.waiting.map { ($0.continuation, state.refusal(at: now)) }
        }
        for (waiter, turn) in sentAway { waiter.resume(returning: turn) }
    }
}
