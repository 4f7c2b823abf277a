import ParleyModel
import Synchronization

/// Events between the connection and the one who reads them, and how far they have been read.
///
/// Nothing is dropped: who adds events waits for room first (``waitForRoom()``), which stops the reading of the socket.
final class EventBuffer: Sendable {
    private struct State {
        var events = Queue<Event>()
        var readers: [(id: UInt64, continuation: CheckedContinuation<Event?, Never>)] = []
        var writers: [(id: UInt64, continuation: CheckedContinuation<Void, Never>)] = []
        var nextID: UInt64 = 0
        var isFinished = false
        var resume: ResumeState
        /// Handed out, and not known to be done with.
        var inHand: Event?
    }

    private let limit: Int
    private let state: Mutex<State>

    init(limit: Int, resume: ResumeState) {
        self.limit = limit
        state = Mutex(State(resume: resume))
    }

    /// How far the reader is: an event counts as read once the next one is asked for.
    var resumeState: ResumeState { state.withLock { $0.resume } }

    // MARK: Writing

    func add(_ event: Event) {
        let reader = state.withLock { state -> CheckedContinuation<Event?, Never>? in
            guard !state.isFinished else { return nil }
            if state.readers.isEmpty {
                state.events.append(event)
                return nil
            }
            state.inHand = event
            return state.readers.removeFirst().continuation
        }
        reader?.resume(returning: event)
    }

    var hasRoom: Bool { state.withLock { $0.events.count < limit } }

    /// Waits until there is room, or the task is cancelled.
    func waitForRoom() async {
        let id = newID()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.events.count < limit || state.isFinished || Task.isCancelled { return true }
                    state.writers.append((id, continuation))
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in state.writers.remove(id) }?.resume()
        }
    }

    /// No more events come; those that are here can still be read.
    func finish() {
        let (readers, writers) = state.withLock { state in
            state.isFinished = true
            defer { (state.readers, state.writers) = ([], []) }
            return (state.readers, state.writers)
        }
        for reader in readers { reader.continuation.resume(returning: nil) }
        for writer in writers { writer.continuation.resume() }
    }

    // MARK: Reading

    /// The next event; nil when no more come, or the task is cancelled.
    func next() async -> Event? {
        let id = newID()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (event, isReady, writers) = state.withLock { state in take(id, continuation, &state) }
                for writer in writers { writer.continuation.resume() }
                if isReady { continuation.resume(returning: event) }
            }
        } onCancel: {
            state.withLock { state in state.readers.remove(id) }?.resume(returning: nil)
        }
    }

    private func take(_ id: UInt64, _ continuation: CheckedContinuation<Event?, Never>, _ state: inout State) -> (
        event: Event?, isReady: Bool, writers: [(id: UInt64, continuation: CheckedContinuation<Void, Never>)]
    ) {
        if let done = state.inHand.take() { state.resume.note(done) }
        if let event = state.events.popFirst() {
            state.inHand = event
            guard state.events.count < limit else { return (event, true, []) }
            defer { state.writers = [] }
            return (event, true, state.writers)
        }
        if state.isFinished || Task.isCancelled { return (nil, true, []) }
        state.readers.append((id, continuation))
        return (nil, false, [])
    }

    private func newID() -> UInt64 {
        state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
    }
}

extension Array {
    /// Takes the one of that id out.
    fileprivate mutating func remove<Value>(_ id: UInt64) -> Value? where Element == (id: UInt64, continuation: Value) {
        guard let place = firstIndex(where: { $0.id == id }) else { return nil }
        return remove(at: place).continuation
    }
}

/// First in, first out; neither end moves the rest.
struct Queue<Element> {
    private var front: [Element] = []
    private var back: [Element] = []

    var count: Int { front.count + back.count }

    mutating func append(_ element: Element) { back.append(element) }

    mutating func popFirst() -> Element? {
        if front.isEmpty {
            front = back.reversed()
            back = []
        }
        return front.popLast()
    }
}

extension Queue: Sendable where Element: Sendable {}
