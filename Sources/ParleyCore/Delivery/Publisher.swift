import ParleyModel

/// Step 7: tells every node of stored messages, in order. The message's bytes are those that answered its sender.
public struct Publisher: Sendable {
    let bus: any EventBus
    let instruments: MessageInstruments

    public init(bus: any EventBus, instruments: MessageInstruments) {
        self.bus = bus
        self.instruments = instruments
    }

    public func publish(_ stored: [AppendLane.Stored]) async {
        let start = ContinuousClock.now
        await bus.publish(
            stored.map { item in
                .message(item.enriched.message.conversationID, sequenceNumber: item.enriched.message.sequenceNumber, json: item.json)
            })
        instruments.took(.publish, since: start)
    }

    /// The same for messages read back from the log.
    func publish(_ messages: [EnrichedMessage]) async {
        await bus.publish(
            messages.map { .message($0.message.conversationID, sequenceNumber: $0.message.sequenceNumber, json: $0.json) })
    }
}
