import ParleyCore

extension RabbitMQLink {
    /// Declares the queues that the messages go to and publishes them; they are on the broker's disk when it returns.
    ///
    /// Throws `unavailable` when none is, and `outcomeUnknown` when some may be.
    func publishConfirmed(_ messages: [OutgoingMessage]) throws(StoreError) {
        guard !messages.isEmpty else { return }
        if let blockedReason { throw .unavailable("rabbitmq: the broker accepts no messages for now (\(blockedReason))") }
        do throws(RabbitMQFailure) {
            for message in messages { try declare(message.queue) }
        } catch {
            throw .unavailable(error.description)
        }
        newQueues.wait(for: Set(messages.map(\.queue.name)), toBe: configuration.newQueueSeconds)
        for start in stride(from: 0, to: messages.count, by: configuration.maxPipelined) {
            let part = messages[start..<min(start + configuration.maxPipelined, messages.count)]
            let ledger = try settled(part)
            guard ledger.lost > 0 else { continue }
            // Most likely somebody has deleted a queue. The next call declares it again.
            declared.removeAll()
            let sentence = Self.sentence(ledger, of: part)
            if start == 0, ledger.lost == part.count { throw .unavailable(sentence) }
            throw .outcomeUnknown(sentence)
        }
    }

    private func settled(_ messages: ArraySlice<OutgoingMessage>) throws(StoreError) -> ConfirmLedger {
        do throws(RabbitMQFailure) {
            var ledger = try send(messages)
            try settle(&ledger)
            return ledger
        } catch {
            throw .outcomeUnknown(error.description)
        }
    }

    private static func sentence(_ ledger: ConfirmLedger, of messages: ArraySlice<OutgoingMessage>) -> String {
        let queues = Set(messages.map(\.queue.name)).sorted().joined(separator: ", ")
        return """
            rabbitmq: of \(messages.count) messages to \(queues) the broker returned \(ledger.returned), as for a queue that does not \
            exist, and refused \(ledger.refused)
            """
    }
}
