import ParleyModel

/// What the server says.
extension ClientStateMachine {
    /// A text message has come.
    mutating func text(_ bytes: some Collection<UInt8>, at now: Int64) -> [Action] {
        switch phase {
        case .idle, .connecting, .closing, .stopped: return []
        default: break
        }
        heard(at: now)
        do {
            guard case .object(let json) = try JSONParser.parse(bytes) else { return fail("a text that is no object") }
            if json.member("id") != nil { return try reply(json, at: now) }
            guard let event = try event(json) else { return [] }
            return received(event, at: now)
        } catch let error as FieldError {
            return fail(error.detail)
        } catch {
            return fail("\(error)")
        }
    }

    // MARK: Events

    /// An event of an unknown type is not meant for us, and neither is one of these with words that are new to us: a role,
    /// a kind of change. Of messages and cursors all that follows depends on every word.
    private func event(_ json: JSONObject) throws(FieldError) -> Event? {
        do {
            return try Event(json)
        } catch {
            let mayBeNewer: Set = [
                "conversation", "participant", "mute", "notification_level", "read", "delivered", "receipts", "typing", "presence",
            ]
            guard case .string(let type)? = json["type"], mayBeNewer.contains(type) else { throw error }
            return nil
        }
    }

    private mutating func received(_ event: Event, at now: Int64) -> [Action] {
        switch event {
        case .hello(let hello): return greeted(hello, at: now)
        case .message(let message): return received(message)
        case .caughtUp:
            resume.note(event)
            return caughtUp(at: now) + [.deliver(event)]
        case .goingAway(let delay): goingAway(after: delay)
        case .conversation(.removed(let id)):
            acks.forget(id)
            resume.note(event)
        default: resume.note(event)
        }
        return [.deliver(event)]
    }

    /// Messages that were told already are dropped. The protocol has no holes; should there be one all the same, it is
    /// named, so that it can be read over REST.
    private mutating func received(_ message: EnrichedMessage) -> [Action] {
        let id = message.message.conversationID
        let number = message.message.sequenceNumber
        let position = resume.position(of: id)
        if let position, number <= position { return [] }
        var actions: [Action] = []
        if let position, number > position + 1 { actions.append(.deliver(.skipped(id, after: position, through: number - 1))) }
        resume.note(.message(message))
        if options.acknowledgesDelivery, message.message.senderID != user { acks.arrived(number, in: id) }
        return actions + [.deliver(.message(message))]
    }

    // MARK: Replies

    private mutating func reply(_ json: JSONObject, at now: Int64) throws(FieldError) -> [Action] {
        let id = try json.requiredInteger("id")
        guard let awaits = awaited.removeValue(forKey: id) else { return fail("an answer to nothing that was asked") }
        switch try json.requiredString("type") {
        case "ok": return try accepted(awaits, id, json, at: now)
        case "error": return refused(awaits, id, try Refusal(reply: json), at: now)
        default: return fail("an answer that is neither ok nor error")
        }
    }

    private mutating func accepted(_ awaits: Awaited, _ id: Int64, _ json: JSONObject, at now: Int64) throws(FieldError) -> [Action] {
        switch awaits {
        case .nothing: return []
        case .delivered(let conversation, let number):
            acks.finish(number, in: conversation)
            return []
        case .activity:
            activity.taken(expiresInMilliseconds: try json.integer("expires_in_ms"))
            return []
        case .authenticate:
            user = try json.requiredID("user_id")
            return subscribe() + tellActivity(at: now)
        case .subscribe(let isLast):
            // Given when nothing is replayed: were the connection lost right now, the next one would go on from here.
            if resume.cursor == nil, let cursor = try json.string("cursor") { resume.note(.caughtUp(cursor: cursor)) }
            return isLast ? subscribed(at: now) : []
        case .request:
            guard let (request, tickets) = outbox.finish(id) else { return [] }
            let answer = try answer(to: request, json)
            return tickets.map { .fulfil($0, .success(answer)) } + flush(at: now)
        }
    }

    private mutating func subscribe() -> [Action] {
        phase = .subscribing
        let subscription = Subscription(
            cursor: resume.cursor, positions: resume.positions, replayLimit: options.replayLimit, conversationIDs: options.conversationIDs)
        let parts = subscription.parts(positionsLimit: positionsPerCommand, frameLimit: maxFrameBytes)
        return parts.map { .send(CommandText.subscribe(command(.subscribe(isLast: !$0.hasMore)), $0)) }
    }

    private func answer(to request: ClientRequest, _ json: JSONObject) throws(FieldError) -> Answer {
        switch request {
        case .send: return .sent(try EnrichedMessage(try json.requiredObject("message")))
        case .read: return .read(try ReadState(json))
        case .presence:
            let states = try json.objects("presence") { object throws(FieldError) -> (UserID, PresenceState) in
                (try object.requiredID("user_id"), try PresenceState(object))
            }
            return .presence(Dictionary(states) { _, later in later })
        }
    }

    private mutating func refused(_ awaits: Awaited, _ id: Int64, _ refusal: Refusal, at now: Int64) -> [Action] {
        switch awaits {
        case .nothing: return []
        case .delivered(let conversation, let number):
            if refusal.isRetryable {
                acks.postpone(number, in: conversation, until: now + (refusal.retryAfterMilliseconds ?? 1000))
            } else {
                acks.finish(number, in: conversation)
            }
            return []
        case .activity:
            // What cannot be told is not tried again: an older server does not know the command.
            if refusal.isRetryable { activity.postpone(until: now + (refusal.retryAfterMilliseconds ?? 1000)) }
            return []
        case .authenticate:
            // The server closes the connection next, and its code says what to do.
            if refusal.knownCode == .tokenExpired { needsFreshToken = true }
            return []
        case .subscribe: return subscriptionRefused(refusal)
        case .request:
            let isKept = refusal.isRetryable && outbox.postpone(id, until: now + (refusal.retryAfterMilliseconds ?? 1000))
            guard !isKept, let (_, tickets) = outbox.finish(id) else { return [] }
            return tickets.map { .fulfil($0, .failure(.refused(refusal))) } + flush(at: now)
        }
    }

    /// Without the cursor the same connection may ask again. A server that refuses a cursor which was not sent makes no
    /// sense, and would be asked for ever.
    private mutating func subscriptionRefused(_ refusal: Refusal) -> [Action] {
        if refusal.isRetryable { return close("subscribe: \(refusal.code)") }
        guard refusal.knownCode == .invalidCursor, resume.cursor != nil else { return stop(.refused(refusal)) }
        resume.forgetCursor()
        hasLostCursor = true
        return subscribe()
    }
}
