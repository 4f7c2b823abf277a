import ParleyModel

/// What a node still owes of the effects of its messages. Each is to be *finished* (steps 6 and 8) and to be *told* (step 7),
/// whichever comes first; when both are done it is settled. Decides what is next; does nothing itself.
///
/// Messages wait in memory, in the order of storing in each lane. Of those that memory cannot keep only the seconds of their
/// ids are remembered: they are read back.
struct EffectBacklog {
    struct Item: Sendable {
        let due: DueMessage
        /// Whether metadata and counts are done.
        let isApplied: Bool
        var isTold: Bool
    }

    /// A message that is not told yet; all else is done.
    private struct Untold {
        let message: Message
        /// Whether it is in this node's ledger: it is not another node's.
        let isOwn: Bool
    }

    /// Messages of one second that are to be read back: how many, and how many of them are done already, the first ones first.
    private struct Debt {
        var count = 0
        var finished = 0
        var told = 0
        var settled = 0
    }

    private let maxInMemory: Int
    private var waiting: [Item] = []
    private var untold: [Untold] = []
    private var debts: [Int64: Debt] = [:]

    init(maxInMemory: Int) {
        self.maxInMemory = maxInMemory
    }

    // MARK: What comes

    mutating func add(_ due: DueMessage, isApplied: Bool, isTold: Bool) {
        if waiting.count < maxInMemory {
            waiting.append(Item(due: due, isApplied: isApplied, isTold: isTold))
        } else {
            owe(1, ofSecond: due.message.id.second)
        }
    }

    /// Messages of another node that are finished. Those that are too many for memory stay untold.
    mutating func tellLater(_ messages: [Message]) {
        let room = max(0, maxInMemory - untold.count)
        untold += messages.prefix(room).map { Untold(message: $0, isOwn: false) }
    }

    /// So many messages of that second are to be read back.
    mutating func owe(_ count: Int, ofSecond second: Int64) {
        debts[second, default: Debt()].count += count
    }

    private mutating func tellLater(_ message: Message) {
        if untold.count < maxInMemory {
            untold.append(Untold(message: message, isOwn: true))
        } else {
            var debt = debts[message.id.second, default: Debt()]
            // Where others of the second are to be finished, this one is once more.
            if debt.finished == debt.count { debt.finished += 1 }
            debt.count += 1
            debts[message.id.second] = debt
        }
    }

    // MARK: In memory

    func nextToFinish(_ limit: Int) -> [Item] { Array(waiting.prefix(limit)) }

    func nextToTell(_ limit: Int) -> [Message] {
        let first = untold.prefix(limit).map(\.message)
        return first + waiting.lazy.filter { !$0.isTold }.prefix(limit - first.count).map(\.due.message)
    }

    /// The next `count` are finished. Returns what is settled by it.
    mutating func finished(_ count: Int) -> [Message] {
        let batch = waiting.prefix(count)
        waiting.removeFirst(count)
        for item in batch where !item.isTold { tellLater(item.due.message) }
        return batch.filter(\.isTold).map(\.due.message)
    }

    /// These are told. Returns what is settled by it.
    mutating func told(_ messages: [Message]) -> [Message] {
        let ids = Set(messages.map(\.id))
        let settled = untold.filter { $0.isOwn && ids.contains($0.message.id) }.map(\.message)
        untold.removeAll { ids.contains($0.message.id) }
        for place in waiting.indices where ids.contains(waiting[place].due.message.id) { waiting[place].isTold = true }
        return settled
    }

    // MARK: To be read back

    /// The oldest second of which something is to be finished, and how many messages are owed of it by now.
    var secondToFinish: (second: Int64, count: Int)? {
        debts.filter { $0.value.finished < $0.value.count }.min { $0.key < $1.key }.map { ($0.key, $0.value.count) }
    }

    var secondToTell: (second: Int64, count: Int)? {
        debts.filter { $0.value.told < $0.value.count }.min { $0.key < $1.key }.map { ($0.key, $0.value.count) }
    }

    /// The first `count` that were owed of that second are finished. Returns how many are settled by it.
    mutating func finished(_ count: Int, ofSecond second: Int64) -> Int {
        debts[second]?.finished = count
        return settle(second)
    }

    mutating func told(_ count: Int, ofSecond second: Int64) -> Int {
        debts[second]?.told = count
        return settle(second)
    }

    private mutating func settle(_ second: Int64) -> Int {
        guard var debt = debts[second] else { return 0 }
        let settled = min(debt.finished, debt.told) - debt.settled
        debt.settled += settled
        debts[second] = debt.settled == debt.count ? nil : debt
        return settled
    }
}
