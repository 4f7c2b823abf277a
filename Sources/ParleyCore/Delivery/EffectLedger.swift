import Synchronization

/// Which of this node's messages are not finished yet, counted by the second in their ids: from the moment an id is made
/// until the message's effects are done, or it is certain that it was not stored. So "everything before this second is
/// done" is exact, whatever waited how long where (P5).
public final class EffectLedger: Sendable {
    private struct State {
        var open: [Int64: Int] = [:]
        /// What ``dueFrom(at:)`` has said: no id is made before it any more.
        var said: Int64 = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Enters a message whose id is being made, and tells which second the id must bear: this one, or a later one if it was
    /// said already that everything from this one is done, as when a clock is set back.
    public func issue(at second: Int64) -> Int64 {
        state.withLock { state in
            let second = max(second, state.said)
            state.open[second, default: 0] += 1
            return second
        }
    }

    /// So many messages of that second are finished.
    public func settle(_ count: Int = 1, ofSecond second: Int64) {
        state.withLock { state in
            guard let open = state.open[second] else { return }
            state.open[second] = open > count ? open - count : nil
        }
    }

    /// All messages of this node with ids from before that second are finished; from it on, some may not be.
    public func dueFrom(at now: Int64) -> Int64 {
        state.withLock { state in
            state.said = max(state.said, state.open.keys.min() ?? now)
            return state.said
        }
    }

    /// Messages that are not finished.
    public var count: Int { state.withLock { $0.open.values.reduce(0, +) } }
}
