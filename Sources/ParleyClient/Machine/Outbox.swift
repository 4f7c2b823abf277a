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
}

/// What waits to be sent and what waits for its answer, in order.
struct Outbox: Sendable, Equatable {
    /// Retryable refusals of one request before its caller hears of it.
    static let maxRefusals = 10

    private struct Entry: Equatable {
        /// Nil when nobody waits any more.
        var ticket: Ticket?
        let request: ClientRequest
        var commandID: Int64?
        var notBefore: Int64 = 0
        var refusals = 0
    }

    private let limit: Int
    private var entries: [Entry] = []

    init(limit: Int) { self.limit = limit }

    /// False when it is full.
    mutating func add(_ request: ClientRequest, _ ticket: Ticket) -> Bool {
        guard entries.count < limit else { return false }
        entries.append(Entry(ticket: ticket, request: request))
        return true
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
    mutating func finish(_ commandID: Int64) -> (request: ClientRequest, ticket: Ticket?)? {
        guard let place = entries.firstIndex(where: { $0.commandID == commandID }) else { return nil }
        let entry = entries.remove(at: place)
        return (entry.request, entry.ticket)
    }

    /// The server said "later". False when it has said so too often.
    mutating func postpone(_ commandID: Int64, until time: Int64) -> Bool {
        guard let place = entries.firstIndex(where: { $0.commandID == commandID }) else { return true }
        guard entries[place].ticket != nil else {
            entries.remove(at: place)
            return true
        }
        guard entries[place].refusals < Self.maxRefusals else { return false }
        entries[place].refusals += 1
        entries[place].commandID = nil
        entries[place].notBefore = time
        return true
    }

    /// The connection is lost: everything unanswered is sent again, unless nobody waits for it.
    mutating func connectionLost() {
        entries.removeAll { $0.commandID != nil && $0.ticket == nil }
        for place in entries.indices { entries[place].commandID = nil }
    }

    /// Nobody waits for it any more. What was not sent yet will not be.
    mutating func abandon(_ ticket: Ticket) {
        guard let place = entries.firstIndex(where: { $0.ticket == ticket }) else { return }
        if entries[place].commandID == nil { entries.remove(at: place) } else { entries[place].ticket = nil }
    }

    /// Takes everything out; those who wait for it.
    mutating func clear() -> [Ticket] {
        defer { entries = [] }
        return entries.compactMap(\.ticket)
    }
}
