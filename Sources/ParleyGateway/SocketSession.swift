import CoreMetrics
import Logging
import ParleyCore
import ParleyModel

/// Carries out what one socket asks, one thing after the other.
///
/// `@unchecked Sendable`: `progress` is touched by ``work(for:)`` only, of which there is never more than one at a time: the
/// connection wakes the session only when it has no task, and hands out work only to that task.
final class SocketSession: @unchecked Sendable {
    enum Work: Sendable {
        /// The handshake is done.
        case begin
        case command(NumberedCommand)
        /// Nothing was heard of the user's activity for as long as it counts.
        case attentionEnded
        /// The connection has ended for a user who was let in.
        case end
    }

    /// What is known after the commands so far.
    private struct Progress {
        var caller: Caller?
        var subscriber: Subscriber?
        var subscription = SubscribeCommand()
        var isSubscribed = false
        var attention = Attention.attended
        /// When its client last told that somebody sits at it; nil while it has told nothing.
        var activeAt: Timestamp?
    }

    let services: GatewayServices
    /// The token that came with the handshake, if one did.
    let handshakeToken: String?
    private var progress = Progress()

    init(services: GatewayServices, handshakeToken: String?) {
        self.services = services
        self.handshakeToken = handshakeToken
    }

    /// Does what there is to do, and returns when there is nothing more.
    func work(for connection: SocketConnection) async {
        while let work = await connection.nextWork() {
            switch work {
            case .begin: await begin(connection)
            case .command(let numbered):
                if let reply = await carryOut(numbered, connection) { connection.reply(reply) }
            case .attentionEnded:
                // The user may have become active again while this waited for its turn.
                if let user = progress.subscriber?.user, await connection.hasAttentionEnded { await turnAway(user) }
            case .end:
                if let subscriber = progress.subscriber {
                    await services.presence.left(subscriber.user, progress.attention, seenUntil: progress.activeAt)
                }
                progress = Progress()
            }
        }
    }

    private func begin(_ connection: SocketConnection) async {
        if let handshakeToken {
            do throws(ParleyError) {
                try await begin(handshakeToken, connection)
            } catch {
                services.note(error, "a socket could not be authenticated")
                return connection.close(with: CloseCode(refusing: error))
            }
        }
        connection.greet(services.hello(to: progress.caller?.userID))
    }

    private func carryOut(_ numbered: NumberedCommand, _ connection: SocketConnection) async -> [UInt8]? {
        do throws(ParleyError) {
            if case .authenticate(let token) = numbered.command { return try await authenticate(token, numbered.id, connection) }
            if case .ping = numbered.command { return pong(numbered.id) }
            guard let caller = progress.caller, let subscriber = progress.subscriber else {
                throw ParleyError(.missingToken, "authenticate first")
            }
            return try await carryOut(numbered, as: caller, subscriber, connection)
        } catch {
            services.note(error, "a command was answered with a server error")
            if case .authenticate = numbered.command, progress.caller == nil {
                connection.reply(SocketText.error(numbered.id, error))
                connection.close(with: CloseCode(refusing: error))
                return nil
            }
            return SocketText.error(numbered.id, error)
        }
    }

    private func carryOut(_ numbered: NumberedCommand, as caller: Caller, _ subscriber: Subscriber, _ connection: SocketConnection)
        async throws(ParleyError) -> [UInt8]?
    {
        let id = numbered.id
        switch numbered.command {
        case .authenticate, .ping: return nil
        case .subscribe(let command): return try await subscribe(command, id, subscriber, connection)
        case .send(let draft): return try await send(draft, id, caller, subscriber.user)
        case .read(let conversation, let number):
            let state = try await services.markers.read(in: conversation, to: number, as: caller)
            return SocketText.ok(id) { state.writeMembers(to: &$0) }
        case .delivered(let conversation, let number):
            let stands = try await services.markers.delivered(in: conversation, to: number, as: caller)
            return SocketText.ok(id) { json in
                json.name("last_delivered_sequence")
                json.integer(stands)
            }
        case .typing(let conversation, let isTyping):
            try await services.typing.typing(isTyping, in: conversation, as: caller)
            return SocketText.ok(id)
        case .presence(let users):
            try await watch(users, id, caller, subscriber, connection)
            return nil
        case .activity(let isActive): return await activity(isActive, id, subscriber.user, connection)
        }
    }

    private func pong(_ id: Int64) -> [UInt8] {
        SocketText.ok(id) { json in
            json.name("server_time")
            json.timestamp(services.timeSource.now())
        }
    }

    // MARK: Who is calling

    private func authenticate(_ token: String, _ id: Int64, _ connection: SocketConnection) async throws(ParleyError) -> [UInt8] {
        if let known = progress.caller {
            let renewed = try await services.verifier.verify(token)
            guard renewed.userID == known.userID else {
                throw ParleyError(.invalidField, "this connection is authenticated as another user already")
            }
            progress.caller = renewed
            await connection.renew(renewed, tokenEndsIn: tokenSeconds(renewed))
        } else {
            try await begin(token, connection)
        }
        let user = progress.caller?.userID
        return SocketText.ok(id) { json in
            json.name("user_id")
            json.optional(user) { $0.id($1) }
        }
    }

    private func tokenSeconds(_ caller: Caller) -> Double? {
        caller.expiresAt.map { $0.seconds(since: services.timeSource.now()) }
    }

    private func begin(_ token: String, _ connection: SocketConnection) async throws(ParleyError) {
        let caller = try await services.turns.take { () async throws(ParleyError) in try await services.verifier.verify(token) }
        guard let user = caller.userID else { throw ParleyError(.invalidToken, "a socket needs a token with a user as its sub") }
        switch await connection.enter(caller, user: user, tokenEndsIn: tokenSeconds(caller)) {
        case .entered(let subscriber): progress.subscriber = subscriber
        case .tooMany: throw ParleyError(.rateLimited, "this user has too many connections", retryAfterSeconds: 30)
        case .ended: return
        }
        progress.caller = caller
        await services.presence.arrived(user)
    }

    // MARK: Subscribing

    private func subscribe(_ command: SubscribeCommand, _ id: Int64, _ subscriber: Subscriber, _ connection: SocketConnection)
        async throws(ParleyError) -> [UInt8]?
    {
        guard !progress.isSubscribed else { throw ParleyError(.alreadySubscribed, "a connection subscribes once") }
        try gather(command, &progress.subscription)
        guard command.isLast else { return SocketText.ok(id) }
        let request = progress.subscription.request
        progress.subscription = SubscribeCommand()
        guard let plan = try await services.plan(request, for: subscriber) else { return nil }
        progress.isSubscribed = true
        let reply = SocketText.ok(id) { json in
            json.name("conversations")
            json.integer(plan.starts.count)
            // With nothing to replay, all that follows can be resumed from here, even before `caught_up`.
            if request.cursor == nil, request.positions.isEmpty {
                json.name("cursor")
                json.string(plan.cursor.text)
            }
        }
        await connection.subscribe(subscriber, plan, hearsAll: request.only == nil, reply: reply)
        do {
            try await services.complete(plan, request, for: subscriber)
        } catch {
            services.note(error, "a subscription could not be completed")
            // Half subscribed is worse than not at all: the client comes back and begins anew.
            connection.close(with: .overloaded)
        }
        return nil
    }

    private func gather(_ command: SubscribeCommand, _ subscription: inout SubscribeCommand) throws(ParleyError) {
        let configuration = services.configuration
        guard command.request.positions.count <= configuration.maxPositions else {
            throw .invalid("positions", "may hold at most \(configuration.maxPositions) in one command; send more with \"more\":true")
        }
        subscription.add(command)
        guard subscription.request.positions.count <= configuration.maxSubscriptions else {
            subscription = SubscribeCommand()
            throw ParleyError(.tooManySubscriptions, "positions of more conversations than a connection may have")
        }
    }

    // MARK: The others

    private func send(_ draft: MessageDraft, _ id: Int64, _ caller: Caller, _ user: UserID) async throws(ParleyError) -> [UInt8] {
        if !caller.isService, let limiter = services.messageLimiter {
            let decision = limiter.take(for: user, at: services.timeSource.now())
            guard decision.isAllowed else {
                throw ParleyError(
                    .rateLimited, "this user has used up the requests of the moment", retryAfterSeconds: decision.retryAfterSeconds)
            }
        }
        let created = try await services.messages.create(draft, as: caller)
        return SocketText.ok(id) { json in
            json.name("message")
            json.encoded(created.json)
            json.name("repeated")
            json.bool(created.isRepeat)
        }
    }

    /// From the first time on that a client tells of it, being connected alone does not count as being there.
    private func activity(_ isActive: Bool, _ id: Int64, _ user: UserID, _ connection: SocketConnection) async -> [UInt8] {
        let seconds = services.configuration.activitySeconds
        await connection.setAttention(endsIn: isActive ? seconds : nil)
        // Who says that nobody is there any more knows that somebody was until now.
        progress.activeAt = services.timeSource.now()
        if isActive { await turnBack(user) } else { await turnAway(user) }
        return SocketText.ok(id) { json in
            guard isActive else { return }
            json.name("expires_in_ms")
            json.integer(Int64(seconds) * 1000)
        }
    }

    private func turnBack(_ user: UserID) async {
        guard progress.attention == .away else { return }
        progress.attention = .attended
        await services.presence.returned(user)
    }

    private func turnAway(_ user: UserID) async {
        guard progress.attention == .attended else { return }
        progress.attention = .away
        await services.presence.turnedAway(user, seenUntil: progress.activeAt ?? services.timeSource.now())
    }

    /// Watches first and asks then. A change in between is told as an event, and the reply says the same, whatever was read: it is made
    /// on the loop on which events are told, so that what comes later is newer.
    private func watch(
        _ users: [UserID], _ id: Int64, _ caller: Caller, _ subscriber: Subscriber, _ connection: SocketConnection
    ) async throws(ParleyError) {
        guard users.count <= services.configuration.maxPresenceUsers else {
            throw .invalid("user_ids", "may hold at most \(services.configuration.maxPresenceUsers) ids")
        }
        let allowed = try await services.presence.visible(users, to: caller)
        let part = subscriber.part
        let mark = await part.loop.run {
            part.watch.set(allowed, for: subscriber)
            return part.watch.mark
        }
        let read = try await services.presence.states(ofVisible: allowed)
        part.onLoop { connection.reply(Self.presence(of: users, part.watch.learn(read, since: mark), id)) }
    }

    private static func presence(of users: [UserID], _ states: [UserID: PresenceState], _ id: Int64) -> [UInt8] {
        SocketText.ok(id) { json in
            json.name("presence")
            json.array(users.filter { states[$0] != nil }) { json, user in
                json.object { json in
                    json.name("user_id")
                    json.id(user)
                    states[user]?.writeMembers(to: &json)
                }
            }
        }
    }
}
