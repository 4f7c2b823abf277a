import ParleyCore
import ParleyModel
import Synchronization

/// Sends notifications, those of each provider within the provider's window.
struct PushDispatch {
    struct Order: Sendable {
        let provider: any PushProvider
        let window: SendWindow
        let notification: PushNotification
    }

    enum News: Sendable {
        /// Of the order at that place.
        case fate(Int, PushFate)
        /// Time passes: said ten times a second while something is under way, so that a provider that is slow does not keep
        /// the answers of the others from being written down.
        case time
    }

    private static let tick = Duration.milliseconds(100)

    let time: any TimeSource
    /// No order is sent from then on.
    let deadline: Timestamp
    /// How long it has to wait what a provider had no room for, given how long that has been so.
    let putBackSeconds: @Sendable (Duration) -> Double

    /// Returns when each order has its fate and `hear` has been told of it.
    ///
    /// - Parameter whenBegun: Called when no order waits for its turn any more; the answers of some may be outstanding.
    func send(_ orders: [Order], whenBegun: @escaping @Sendable () -> Void, hear: (News) async -> Void) async {
        guard !orders.isEmpty else { return whenBegun() }
        let news = NewsBox()
        let queues = Dictionary(grouping: orders.indices) { ObjectIdentifier(orders[$0].window) }
        let unbegun = Countdown(queues.count, then: whenBegun)
        await withDiscardingTaskGroup { group in
            for places in queues.values {
                group.addTask {
                    await send(places.map { ($0, orders[$0]) }, news, unbegun)
                }
            }
            group.addTask {
                while (try? await Task.sleep(for: Self.tick)) != nil { news.put(.time) }
            }
            var open = orders.count
            while open > 0 {
                for event in await news.next() {
                    switch event {
                    case .fate: open -= 1
                    case .time: for places in queues.values { orders[places[0]].window.look() }
                    }
                    await hear(event)
                }
            }
            group.cancelAll()
        }
    }

    /// One provider's orders begin one after the other.
    private func send(_ orders: [(place: Int, order: Order)], _ news: NewsBox, _ unbegun: Countdown) async {
        await withDiscardingTaskGroup { group in
            for (place, order) in orders {
                switch await order.window.take() {
                case .granted where time.now() >= deadline || Task.isCancelled:
                    order.window.giveBack(isAnswered: false)
                    news.put(.fate(place, .notReached))
                case .granted:
                    group.addTask {
                        let start = ContinuousClock.now
                        let answer = await order.provider.send(order.notification)
                        order.window.giveBack(isAnswered: answer.isFinal, after: ContinuousClock.now - start)
                        news.put(.fate(place, .answered(answer)))
                    }
                case .refused(let duration): news.put(.fate(place, .putBack(seconds: putBackSeconds(duration))))
                case .cancelled: news.put(.fate(place, .notReached))
                }
            }
            unbegun.down()
        }
    }
}

extension PushAnswer {
    /// Whether there is nothing to try again.
    var isFinal: Bool {
        switch self {
        case .accepted, .rejected, .deviceGone: true
        case .retry, .unanswered: false
        }
    }
}

/// What is told to one who listens. Unlike an `AsyncStream` it goes on when the listener's task is cancelled: what was sent by
/// then must still be written down. Bounded by the orders, each of which has one fate.
private final class NewsBox: Sendable {
    private struct State {
        var news: [PushDispatch.News] = []
        var listener: CheckedContinuation<[PushDispatch.News], Never>?
    }

    private let state = Mutex(State())

    func put(_ event: PushDispatch.News) {
        let listener = state.withLock { state in
            if state.listener == nil { state.news.append(event) }
            return state.listener.take()
        }
        listener?.resume(returning: [event])
    }

    /// All that has come since the last time, in its order; at least one.
    func next() async -> [PushDispatch.News] {
        let waiting = take()
        if !waiting.isEmpty { return waiting }
        return await withCheckedContinuation { continuation in
            let news: [PushDispatch.News]? = state.withLock { state in
                guard state.news.isEmpty else { return Self.take(from: &state) }
                state.listener = continuation
                return nil
            }
            if let news { continuation.resume(returning: news) }
        }
    }

    private func take() -> [PushDispatch.News] { state.withLock { Self.take(from: &$0) } }

    private static func take(from state: inout State) -> [PushDispatch.News] {
        defer { state.news = [] }
        return state.news
    }
}

/// Calls a function when it has been counted down.
private final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let then: @Sendable () -> Void

    init(_ count: Int, then: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.then = then
    }

    func down() {
        if left.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { then() }
    }
}
