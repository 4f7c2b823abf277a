import Dispatch
import Synchronization

/// Gathers lines from many tasks and appends those that wait together in one write, on a thread of its own, so that
/// neither the cooperative pool nor an event loop waits for the disk.
final class LineWriter: Sendable {
    enum Outcome: Sendable, Equatable {
        case written
        /// The write failed; the line may be in the file all the same.
        case failed(LineFileError)
        /// As many lines as allowed are waiting; this one was not taken.
        case full
    }

    private struct Waiting {
        let line: [UInt8]
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        /// Whether a write is due or under way; whoever finds it so need not ask for one.
        var isWriting = false
    }

    private let maxWaiting: Int
    private let queue: DispatchQueue
    private let append: @Sendable ([UInt8]) throws(LineFileError) -> Void
    /// Held to put a line in or take all out, never during a write.
    private let state = Mutex(State())

    /// - Parameter append: Called on `queue` only, one call at a time.
    init(
        maxWaiting: Int, queue: DispatchQueue = DispatchQueue(label: "parley.push.log"),
        append: @escaping @Sendable ([UInt8]) throws(LineFileError) -> Void
    ) {
        self.maxWaiting = maxWaiting
        self.queue = queue
        self.append = append
    }

    /// Returns when the line was written, or cannot be.
    func write(_ line: [UInt8]) async -> Outcome {
        await withCheckedContinuation { continuation in
            enum Next { case startWriting, wait, refuse }
            let next = state.withLock { state -> Next in
                guard state.waiting.count < maxWaiting else { return .refuse }
                state.waiting.append(Waiting(line: line, continuation: continuation))
                defer { state.isWriting = true }
                return state.isWriting ? .wait : .startWriting
            }
            switch next {
            case .startWriting: queue.async { self.writeAllWaiting() }
            case .wait: break
            case .refuse: continuation.resume(returning: .full)
            }
        }
    }

    private func writeAllWaiting() {
        while let batch = takeWaiting() {
            var outcome = Outcome.written
            do throws(LineFileError) {
                try append(batch.flatMap(\.line))
            } catch {
                outcome = .failed(error)
            }
            for waiting in batch { waiting.continuation.resume(returning: outcome) }
        }
    }

    /// Nil, and no longer writing, when nothing waits.
    private func takeWaiting() -> [Waiting]? {
        state.withLock { state in
            defer { state.waiting = [] }
            state.isWriting = !state.waiting.isEmpty
            return state.isWriting ? state.waiting : nil
        }
    }
}
