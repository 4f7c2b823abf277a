import Foundation
import ParleyCore
import ParleyModel

/// Appends one batch by compare-and-append: each message is inserted with the number after the last one that is known of
/// its conversation, and a unique index refuses a number that is taken.
///
/// All conversations of the batch go in one ordered insert: one round trip and one wait for the majority for all. It stops
/// at the first message that is refused; that one's trouble is settled, and what is left goes again with new numbers. So
/// a number is only ever used when all below it are, and no hole can arise.
///
/// A last number is only believed when a majority has it, since one that an election takes back would leave a hole.
struct MongoAppend {
    enum Settled {
        case stored(Message)
        case repeated(Message)
    }

    /// Times that one append survives losing its insert.
    private static let maxLosses = 3
    /// The longest pause after a lost race, in seconds; the first are shorter.
    private static let longestPause = 0.016

    private let connection: MongoConnection
    private let known: BoundedCache<ConversationID, Int64>
    private let maxContentionSeconds: Double
    private let batch: [NewMessage]
    private var settled: [Settled?]
    private var isAnyStored = false
    private var losses = 0
    /// Rounds that got nothing stored, one after the other, and since when.
    private var lostRaces = 0
    private var racingSince = ContinuousClock.now

    /// Runs on a thread that may block. The conversations exist, and no two messages have the same key.
    init(
        _ batch: [NewMessage], on connection: MongoConnection, known: BoundedCache<ConversationID, Int64>, maxContentionSeconds: Double
    ) {
        self.batch = batch
        self.connection = connection
        self.known = known
        self.maxContentionSeconds = maxContentionSeconds
        settled = Array(repeating: nil, count: batch.count)
    }

    mutating func run() throws(StoreError) -> [Settled] {
        do throws(StoreError) {
            while true {
                let pending = batch.indices.filter { settled[$0] == nil }
                if pending.isEmpty { return settled.compactMap(\.self) }
                try insert(pending)
            }
        } catch {
            // A part that is stored already cannot be told of by an error.
            guard isAnyStored, case .unavailable(let cause) = error else { throw error }
            throw .outcomeUnknown("\(cause); a part of the batch is stored")
        }
    }

    private mutating func insert(_ pending: [Int]) throws(StoreError) {
        let numbered = try numbered(pending)
        switch connection.insert(numbered.map(MessageDocument.document)) {
        case .stored: store(numbered, pending[...])
        case .refused(let place, let refusal):
            store(numbered, pending[..<place])
            if place > 0 { lostRaces = 0 }
            let left = Array(pending[place...])
            switch refusal {
            case .number: try learnNumbers(left)
            case .key: try settleKeys(left)
            case .id: try settleID(left[0])
            }
        case .lost(let cause): try settle(pending, lost: cause)
        case .notSent(let cause): throw .unavailable(cause)
        case .impossible(let place, let cause):
            store(numbered, pending[..<place])
            throw isAnyStored ? .outcomeUnknown("\(cause); a part of the batch is stored") : .unexpected(cause)
        }
    }

    /// The pending messages with the numbers that are next.
    private func numbered(_ pending: [Int]) throws(StoreError) -> [Message] {
        var last: [ConversationID: Int64] = [:]
        for conversation in Set(pending.map { batch[$0].conversationID }) { last[conversation] = known[conversation] }
        let unknown = Set(pending.map { batch[$0].conversationID }).filter { last[$0] == nil }
        if !unknown.isEmpty {
            let read = try connection.lastNumbers(of: Array(unknown))
            for conversation in unknown { last[conversation] = read[conversation] ?? 0 }
        }
        return pending.map { place in
            let message = batch[place]
            let number = last[message.conversationID, default: 0] + 1
            last[message.conversationID] = number
            return message.numbered(number)
        }
    }

    private mutating func store(_ numbered: [Message], _ places: ArraySlice<Int>) {
        for (message, place) in zip(numbered, places) { settle(place, .stored(message)) }
    }

    private mutating func settle(_ place: Int, _ outcome: Settled) {
        settled[place] = outcome
        guard case .stored(let message) = outcome else { return }
        isAnyStored = true
        known.keep(message.sequenceNumber, for: message.conversationID, merging: max)
    }

    // MARK: What was refused

    /// Another node took the number. Its other conversations may have moved too: one question for all.
    private mutating func learnNumbers(_ left: [Int]) throws(StoreError) {
        let conversations = Set(left.map { batch[$0].conversationID })
        try pauseAfterLostRace()
        for (conversation, number) in try connection.lastNumbers(of: Array(conversations)) {
            known.keep(number, for: conversation, merging: max)
        }
    }

    /// A key is stored already. Repeats seldom come alone: one question for all that is left.
    private mutating func settleKeys(_ left: [Int]) throws(StoreError) {
        let keyed = left.filter { batch[$0].clientMessageID != nil }
        let found = try connection.messages(withKeysOf: keyed.map { batch[$0] })
        for place in keyed {
            guard let first = MessageKey(batch[place]).flatMap({ found[$0] }) else { continue }
            settle(place, .repeated(first))
        }
        if settled[left[0]] == nil { try pauseAfterLostRace() }
    }

    /// The id is stored already. After a lost insert that is this very message; else the same message was appended by
    /// another call.
    private mutating func settleID(_ place: Int) throws(StoreError) {
        let new = batch[place]
        guard let stored = try connection.settle([new.id])[new.id] else { return try pauseAfterLostRace() }
        if stored == new.numbered(stored.sequenceNumber) {
            settle(place, new.clientMessageID == nil || losses > 0 ? .stored(stored) : .repeated(stored))
        } else if let key = MessageKey(new), key == MessageKey(stored) {
            settle(place, .repeated(stored))
        } else {
            throw .unexpected("mongodb: the id \(new.id) is another message's")
        }
    }

    private mutating func settle(_ pending: [Int], lost cause: String) throws(StoreError) {
        losses += 1
        let found: [MessageID: Message]
        do throws(StoreError) {
            found = try connection.settle(pending.map { batch[$0].id })
        } catch {
            throw .outcomeUnknown(cause)
        }
        for place in pending {
            guard let stored = found[batch[place].id] else { continue }
            settle(place, .stored(stored))
        }
        if losses > Self.maxLosses, found.count < pending.count { throw .unavailable(cause) }
    }

    private mutating func pauseAfterLostRace() throws(StoreError) {
        if lostRaces == 0 { racingSince = .now }
        lostRaces += 1
        if lostRaces > 1, ContinuousClock.now - racingSince > .seconds(maxContentionSeconds) {
            throw .unavailable("mongodb: other nodes took the numbers of the conversation \(lostRaces) times")
        }
        let longest = min(Self.longestPause, 0.000_5 * Double(1 << min(lostRaces, 10)))
        if lostRaces > 1 { Thread.sleep(forTimeInterval: .random(in: 0...longest)) }
    }
}
