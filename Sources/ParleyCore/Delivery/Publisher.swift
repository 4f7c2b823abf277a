import ParleyModel

/// Step 7: tells every node of stored messages, in order. The message's bytes are those that answered its sender.
public struct Publisher: Sendable {
    let bus: any EventBus
    let instruments: MessageInstruments

    public init(bus: any EventBus, instruments: MessageInstruments) {
        self.bus = bus
        self.instruments = instruments
    }

    /// False when it must be done again, since not everybody may have been told.
    @discardableResult
    public func publish(_ stored: [AppendLane.Stored]) async -> Bool {
        let start = ContinuousClock.now
        defer { instruments.took(.publish, since: start) }
        return await bus.publish(
            stored.map { item in
                .message(item.enriched.message.conversationID, sequenceNumber: item.enriched.message.sequenceNumber, json: item.json)
            })
    }

    /// The same for messages read back from the log.
    func publish(_ messages: [EnrichedMessage]) async -> Bool {
        await bus.publish(
            messages.map { .message($0.message.conversationID, sequenceNumber: $0.message.sequenceNumber, json: $0.json) })
    }
}
