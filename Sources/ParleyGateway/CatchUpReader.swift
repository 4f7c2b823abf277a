public import Logging
import NIOCore
public import ParleyCore
import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Reads from the stores for connections that catch up: a few reads at once, so that ten thousand connections that come
/// back together do not crowd out everybody else. A page that several wait for is read and encoded once.
public final class CatchUpReader: Service {
    /// Reads at once.
    static let workers = 4

    struct PageKey: Hashable {
        let conversation: ConversationID
        let after: Int64
    }

    struct Page: Sendable {
        let events: [(number: Int64, event: OutboundEvent)]
    }

    typealias PageHandler = @Sendable (Page?) -> Void

    private struct State {
        /// Oldest last, newly come ones apart: taking one never moves the others.
        var jobs: [@Sendable () async -> Void] = []
        var arrived: [@Sendable () async -> Void] = []
        var sleepers: [CheckedContinuation<Void, Never>] = []
        var pages: [PageKey: [PageHandler]] = [:]
        /// Jobs that a worker has taken and not finished.
        var underWay = 0
        var answered = 0
        var isClosed = false

        mutating func nextJob() -> (@Sendable () async -> Void)? {
            if jobs.isEmpty {
                jobs = arrived.reversed()
                arrived = []
            }
            return jobs.popLast()
        }

        var isIdle: Bool { jobs.isEmpty && arrived.isEmpty }
    }

    let resume: ResumeService
    private let logger: Logger
    private let state = Mutex(State())

    public init(resume: ResumeService, logger: Logger) {
        self.resume = resume
        self.logger = logger
    }

    // MARK: Asking, from any thread

    /// The messages after a number, encoded; nil when the store did not answer.
    func page(of conversation: ConversationID, after number: Int64, _ handler: @escaping PageHandler) {
        let key = PageKey(conversation: conversation, after: number)
        let isFirst = state.withLock { state in
            state.pages[key, default: []].append(handler)
            return state.pages[key]?.count == 1
        }
        // Whoever asks after the read has begun joins it too: what is stored later reaches them as an event.
        if isFirst { submit { await self.read(key) } }
    }

    func views(of ids: [ConversationID], for user: UserID, _ handler: @escaping @Sendable ([ConversationView]?) -> Void) {
        submit { handler(await self.tried("views") { () async throws(StoreError) in try await self.resume.views(of: ids, for: user) }) }
    }

    func missedChanges(of user: UserID, since time: Timestamp, _ handler: @escaping @Sendable (MissedChanges?) -> Void) {
        submit {
            handler(
                await self.tried("changes") { () async throws(StoreError) in
                    try await self.resume.missedChanges(of: user, since: time)
                })
        }
    }

    func sharing(with user: UserID, among users: [UserID], _ handler: @escaping @Sendable (Set<UserID>?) -> Void) {
        submit {
            handler(
                await self.tried("shared conversations") { () async throws(StoreError) in
                    try await self.resume.sharing(with: user, among: users)
                })
        }
    }

    private func read(_ key: PageKey) async {
        var page: Page?
        do throws(ParleyError) {
            let messages = try await resume.page(of: key.conversation, after: key.after)
            page = Page(
                events: messages.map { message in
                    let number = message.message.sequenceNumber
                    return (number, OutboundEvent(message: message.json, number, in: key.conversation))
                })
        } catch {
            logger.warning("a page for catching up could not be read", metadata: ["error": "\(error.code.rawValue)"])
        }
        let handlers = state.withLock { $0.pages.removeValue(forKey: key) ?? [] }
        for handler in handlers { handler(page) }
    }

    private func tried<Value>(_ what: String, _ read: () async throws(StoreError) -> Value) async -> Value? {
        do {
            return try await read()
        } catch {
            logger.warning("\(what) for catching up could not be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    // MARK: The workers

    /// Whether every answer that was asked for has been given.
    var isIdle: Bool { state.withLock { $0.isIdle && $0.underWay == 0 } }

    /// How many answers have been given.
    var answered: Int { state.withLock { $0.answered } }

    private func submit(_ job: @escaping @Sendable () async -> Void) {
        state.withLock { state in
            state.arrived.append(job)
            return state.sleepers.popLast()
        }?.resume()
    }

    /// Works until graceful shutdown. The queue is bounded by the connections: each waits for one answer at a time.
    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for _ in 0..<Self.workers { group.addTask { await self.work() } }
            }
        } onCancelOrGracefulShutdown: {
            self.close()
        }
    }

    func close() {
        let sleepers = state.withLock { state in
            state.isClosed = true
            defer { state.sleepers = [] }
            return state.sleepers
        }
        for sleeper in sleepers { sleeper.resume() }
    }

    private func work() async {
        while true {
            let (job, isClosed) = state.withLock { state -> ((@Sendable () async -> Void)?, Bool) in
                let job = state.isClosed ? nil : state.nextJob()
                if job != nil { state.underWay += 1 }
                return (job, state.isClosed)
            }
            if isClosed { return }
            if let job {
                await job()
                state.withLock { state in
                    state.underWay -= 1
                    state.answered += 1
                }
                continue
            }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.isIdle || state.isClosed { return true }
                    state.sleepers.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
