import ParleyModel

/// What callers ask.
extension ClientStateMachine {
    /// Keeps a request until the server has answered it, and sends it when that is possible.
    mutating func request(_ request: ClientRequest, _ ticket: Ticket, at now: Int64) -> [Action] {
        if phase == .stopped { return [.fulfil(ticket, .failure(.ended))] }
        guard outbox.add(request, ticket) else { return [.fulfil(ticket, .failure(.outboxFull))] }
        switch request {
        case .presence(let users): watched = users
        case .read(let id, let number): acks.read(number, in: id)
        case .send: break
        }
        return flush(at: now)
    }

    /// Nobody waits for that answer any more.
    mutating func abandon(_ ticket: Ticket) { outbox.abandon(ticket) }

    /// Typing is told now or never.
    mutating func typing(_ isTyping: Bool, in id: ConversationID, at now: Int64) -> [Action] {
        guard isSubscribed, budget.take(at: now) else { return [] }
        return [.send(CommandText.typing(command(.nothing), id, isTyping: isTyping))]
    }

    mutating func setActive(_ isActive: Bool, at now: Int64) -> [Action] {
        activity.set(isActive)
        return tellActivity(at: now)
    }

    /// As soon as the server knows who it is: for a connection that was told nothing somebody counts as being there.
    mutating func tellActivity(at now: Int64) -> [Action] {
        guard phase == .subscribing || isSubscribed, let isActive = activity.next(at: now, within: &budget) else { return [] }
        return [.send(CommandText.activity(command(.activity), isActive: isActive))]
    }

    /// The server would close the connection for such a frame, on every try: only this call fails.
    private mutating func tooLarge(_ id: Int64) -> [Action] {
        awaited[id] = nil
        let refusal = Refusal(
            code: ErrorCode.bodyTooLarge.rawValue, detail: "a command may have at most \(maxFrameBytes) bytes", isRetryable: false)
        return (outbox.finish(id)?.tickets ?? []).map { .fulfil($0, .failure(.refused(refusal))) }
    }

    private var isSubscribed: Bool { phase == .live || phase == .catchingUp }

    /// Sends what waits, as far as the server's limit of commands allows: whether somebody is there, then
    /// requests, then what has arrived.
    mutating func flush(at now: Int64) -> [Action] {
        var actions = tellActivity(at: now)
        guard isSubscribed else { return actions }
        while outbox.hasNext(at: now), budget.take(at: now) {
            let id = command(.request)
            guard let request = outbox.next(as: id, at: now) else { break }
            let text = CommandText.request(id, request)
            actions += text.count <= maxFrameBytes ? [.send(text)] : tooLarge(id)
        }
        while let next = acks.next(at: now, within: &budget) {
            actions.append(.send(CommandText.marker(command(.delivered(next.0, next.1)), "delivered", next.0, next.1)))
        }
        return actions
    }
}
