public import ParleyModel

/// Read and delivered markers, and who is told of them.
///
/// Up to a size, every participant is told of every marker. In a larger group that would be the square of its
/// participants, so there markers become counts (``ReceiptCounter``) and only the user's own devices are told of a
/// marker itself.
public struct MarkerService: Sendable {
    /// Participants up to which markers are told one by one, and typing is told at all.
    public static let defaultMaxParticipants: Int64 = 100

    let store: any ConversationStore
    let access: ConversationAccess
    let sizes: ConversationSizes
    let bus: any EventBus
    let counter: ReceiptCounter
    let timeSource: any TimeSource
    public let maxParticipants: Int64

    public init(
        store: any ConversationStore, access: ConversationAccess, sizes: ConversationSizes, bus: any EventBus, counter: ReceiptCounter,
        timeSource: any TimeSource, maxParticipants: Int64 = defaultMaxParticipants
    ) {
        self.store = store
        self.access = access
        self.sizes = sizes
        self.bus = bus
        self.counter = counter
        self.timeSource = timeSource
        self.maxParticipants = maxParticipants
    }

    /// Advances the caller's read marker; it never goes back. Reading counts as receiving.
    public func read(in id: ConversationID, to sequenceNumber: Int64, as caller: Caller) async throws(ParleyError) -> ReadState {
        let user = try caller.requiredUser()
        try check(sequenceNumber)
        let advance = try await stored { () async throws(StoreError) in
            try await store.advanceRead(of: user, in: id, to: sequenceNumber, at: timeSource.now())
        }
        guard let advance else { throw try await access.refusal(for: id) }
        if advance.moved {
            let isSmall = try await sizes.count(of: id) <= maxParticipants
            await bus.publish([.read(id, user, advance.state, toOthers: isSmall)])
            if !isSmall { counter.moved(in: id, lastSequence: advance.state.lastSequence) }
        }
        return advance.state
    }

    /// Advances the caller's delivered marker, and tells where it stands.
    public func delivered(in id: ConversationID, to sequenceNumber: Int64, as caller: Caller) async throws(ParleyError) -> Int64 {
        let user = try caller.requiredUser()
        try check(sequenceNumber)
        let advance = try await stored { () async throws(StoreError) in
            try await store.advanceDelivered(of: user, in: id, to: sequenceNumber, at: timeSource.now())
        }
        guard let advance else { throw try await access.refusal(for: id) }
        if advance.moved {
            if try await sizes.count(of: id) <= maxParticipants {
                await bus.publish([.delivered(id, user, sequenceNumber: advance.state)])
            } else {
                counter.moved(in: id, lastSequence: advance.state)
            }
        }
        return advance.state
    }

    /// How many participants have read and received a message.
    public func receipts(of id: ConversationID, at sequenceNumber: Int64, as caller: Caller) async throws(ParleyError) -> ReceiptCounts {
        try check(sequenceNumber)
        try await access.require(.read, of: try caller.requiredUser(), in: id)
        return try await stored { () async throws(StoreError) in try await store.receiptCounts(of: id, at: sequenceNumber) }
    }

    private func check(_ sequenceNumber: Int64) throws(ParleyError) {
        guard sequenceNumber >= 0 else { throw .invalid("sequence_number", "must not be negative") }
    }

    private func stored<Value: Sendable>(_ call: () async throws(StoreError) -> Value) async throws(ParleyError) -> Value {
        do { return try await call() } catch { throw ParleyError(error) }
    }
}
