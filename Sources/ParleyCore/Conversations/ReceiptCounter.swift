public import Logging
import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Tells large groups how many have read and received their newest message: at most once in some seconds for each
/// conversation, however many markers move.
public final class ReceiptCounter: Service {
    /// Seconds between two counts of one conversation.
    public static let intervalSeconds = 5.0
    /// Conversations that wait to be counted; beyond that a movement is passed over, and the next one counts it in.
    static let maxWaiting = 10_000

    private struct State {
        var waiting: [ConversationID: Int64] = [:]
        var countedAt: TwoGenerationCache<ConversationID, Timestamp> = .init(capacity: 2 * maxWaiting)
    }

    private let store: any ConversationStore
    private let bus: any EventBus
    private let timeSource: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    public init(store: any ConversationStore, bus: any EventBus, timeSource: any TimeSource, logger: Logger) {
        self.store = store
        self.bus = bus
        self.timeSource = timeSource
        self.logger = logger
    }

    /// A marker moved. Never waits.
    func moved(in conversation: ConversationID, lastSequence: Int64) {
        state.withLock { state in
            guard state.waiting.count < Self.maxWaiting || state.waiting[conversation] != nil else { return }
            state.waiting[conversation] = max(lastSequence, state.waiting[conversation] ?? 0)
        }
    }

    /// Counts until graceful shutdown.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                await self.countDue(at: self.timeSource.now())
            }
        }
    }

    func countDue(at now: Timestamp) async {
        let due = state.withLock { state in
            let due = state.waiting.filter { waiting in
                state.countedAt[waiting.key].map { now.seconds(since: $0) >= Self.intervalSeconds } ?? true
            }
            for conversation in due.keys {
                state.waiting[conversation] = nil
                state.countedAt.insert(now, for: conversation)
            }
            return due
        }
        for (conversation, number) in due {
            do throws(StoreError) {
                let counts = try await store.receiptCounts(of: conversation, at: number)
                let told = ReceiptCounts(
                    sequenceNumber: number, readCount: counts.readCount, deliveredCount: counts.deliveredCount, conversationID: conversation
                )
                await bus.publish([.receipts(conversation, told)])
            } catch {
                logger.warning("receipts could not be counted", metadata: ["conversation_id": "\(conversation)", "error": "\(error)"])
            }
        }
    }
}
