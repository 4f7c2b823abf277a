import ParleyModel

/// Names a call that waits for an answer.
typealias Ticket = UInt64

/// What is kept until the server has answered it, over as many connections as it takes. Each can be said twice.
enum ClientRequest: Sendable, Equatable {
    case send(OutgoingMessage)
    case read(ConversationID, Int64)
    case presence([UserID])

    /// Requests of one lane are sent one after the other: messages of a conversation must be stored in their order, also
    /// when the server answers one of them with "later".
    fileprivate var lane: ConversationID? {
        if case .send(let message) = self { message.conversationID } else { nil }
    }

    /// What a read is of: markers only advance, so that of several the highest number says everything.
    fileprivate var readConversation: ConversationID? {
        if case .read(let id, _) = self { id } else { nil }
    }

    fileprivate var readNumber: Int64 {
        if case .read(_, let number) = self { number } else { 0 }
    }
}

/// What waits to be sent and what waits for its answer, in order. Reads of one conversation that wait to be sent are one.
struct Outbox: Sendable, Equatable {
    /// Retryable refusals of one request before its caller hears of it.
    static let maxRefusals = 10

    fileprivate struct Caller: Equatable {
        let ticket: Ticket
        let request: ClientRequest
    }

    fileprivate struct Entry: Equatable {
        /// Several for a read; none when nobody waits any more.
        var callers: [Caller]
        /// Of the callers' requests the one that says everything.
        var request: ClientRequest
        var commandID: Int64?
        var notBefore: Int64 = 0
        var refusals = 0
    }

    private let limit: Int
    private var entries: [Entry] = []

    init(limit: Int) { self.limit = limit }

    /// False when it is full.
    mutating func add(_ request: ClientRequest, _ ticket: Ticket) -> Bool {
        entries.append(Entry(callers: [Caller(ticket: ticket, request: request)], request: request))
        if request.readConversation != nil { joinReads() }
        guard entries.count > limit else { return true }
        entries.removeLast()
        return false
    }

    /// Puts the reads of a conversation that wait to be sent into the first of them.
    private mutating func joinReads() {
        var firsts: [ConversationID: Int] = [:]
        var joined: Set<Int> = []
        for (place, entry) in entries.enumerated() where entry.commandID == nil {
            guard let id = entry.request.readConversation else { continue }
            if let first = firsts[id] {
                entries[first].join(entry)
                joined.insert(place)
            } else {
                firsts[id] = place
            }
        }
        guard !joined.isEmpty else { return }
        entries = entries.enumerated().filter { !joined.contains($0.offset) }.map(\.element)
    }

    /// Whether a request may be sent now.
    func hasNext(at now: Int64) -> Bool { nextPlace(at: now) != nil }

    /// The first request that may be sent now; it counts as sent.
    mutating func next(as commandID: Int64, at now: Int64) -> ClientRequest? {
        guard let place = nextPlace(at: now) else { return nil }
        entries[place].commandID = commandID
        return entries[place].request
    }

    private func nextPlace(at now: Int64) -> Int? {
        var busy: Set<ConversationID> = []
        return entries.firstIndex { entry in
            let isFree = entry.request.lane.map { busy.insert($0).inserted } ?? true
            return isFree && entry.commandID == nil && entry.notBefore <= now
        }
    }

    /// The answer has come: the request and who waits for it.
    mutating func finish(_ commandID: Int64) -> (request: ClientRequest, tickets: [Ticket])? {
        guard let place = entries.firstIndex(where: { $0.commandID == commandID }) else { return nil }
        let entry = entries.remove(at: place)
        return (entry.request, entry.callers.map(\.ticket))
    }

    /// The server said "later". False when it has said so too often.
    mutating func postpone(_ commandID: Int64, until time: Int64) -> Bool {
        guard let place = entries.firstIndex(where: { $0.commandID == commandID }) else { return true }
        guard !entries[place].callers.isEmpty else {
            entries.remove(at: place)
            return true
        }
        guard entries[place].refusals < Self.maxRefusals else { return false }
        entries[place].refusals += 1
        entries[place].commandID = nil
        entries[place].notBefore = time
        joinReads()
        return true
    }

    /// The connection is lost: everything unanswered is sent again, unless nobody waits for it.
    mutating func connectionLost() {
        entries.removeAll { $0.callers.isEmpty }
        for place in entries.indices { entries[place].commandID = nil }
        joinReads()
    }

    /// Nobody waits for it any more. What was not sent yet will not be.
    mutating func abandon(_ ticket: Ticket) {
        guard let place = entries.firstIndex(where: { $0.callers.contains { $0.ticket == ticket } }) else { return }
        entries[place].callers.removeAll { $0.ticket == ticket }
        guard entries[place].commandID == nil else { return }
        if entries[place].callers.isEmpty { entries.remove(at: place) } else { entries[place].lower() }
    }

    /// Takes everything out; those who wait for it.
    mutating func clear() -> [Ticket] {
        defer { entries = [] }
        return entries.flatMap(\.callers).map(\.ticket)
    }
}

extension Outbox.Entry {
    fileprivate mutating func join(_ other: Self) {
        callers += other.callers
        if other.request.readNumber > request.readNumber { request = other.request }
        notBefore = max(notBefore, other.notBefore)
        refusals = max(refusals, other.refusals)
    }

    /// Somebody has gone: what the others ask for.
    fileprivate mutating func lower() {
        guard let highest = callers.map(\.request).max(by: { $0.readNumber < $1.readNumber }) else { return }
        request = highest
    }
}
