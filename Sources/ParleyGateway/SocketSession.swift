import CoreMetrics
import Logging
import ParleyCore
import ParleyModel

/// Carries out one socket's commands, one after the other, in the task that owns the connection.
struct SocketSession {
    let services: GatewayServices
    let connection: SocketConnection
    /// The token that came with the handshake, if one did.
    let handshakeToken: String?

    /// Runs until the connection has ended. Whoever was online through it is so no longer when this returns.
    func run() async {
        let session = String(UInt64.random(in: .min ... .max), radix: 36)
        var caller: Caller?
        if let handshakeToken {
            do throws(ParleyError) {
                caller = try await begin(handshakeToken)
            } catch {
                return refuse(error)
            }
        }
        connection.greet(
            SocketText.hello(session: session, user: caller?.userID, limits: services.configuration, now: services.timeSource.now()))
        for await numbered in connection.commands {
            if let reply = await carryOut(numbered, &caller) { connection.reply(reply) }
        }
        if let user = caller?.userID { await services.presence.left(user, at: services.timeSource.now()) }
    }

    private func carryOut(_ numbered: NumberedCommand, _ caller: inout Caller?) async -> [UInt8]? {
        do throws(ParleyError) {
            switch numbered.command {
            case .authenticate(let token):
                let begun = try await begin(token)
                caller = begun
                return SocketText.ok(numbered.id) { json in
                    json.name("user_id")
                    json.optional(begun.userID) { $0.id($1) }
                }
            case .send(let draft):
                return try await send(draft, numbered.id, caller)
            case .ping:
                return SocketText.ok(numbered.id) { json in
                    json.name("server_time")
                    json.timestamp(services.timeSource.now())
                }
            }
        } catch {
            if case .authenticate = numbered.command {
                connection.reply(SocketText.error(numbered.id, error))
                refuse(error)
                return nil
            }
            return SocketText.error(numbered.id, error)
        }
    }

    private func refuse(_ error: ParleyError) {
        switch error.code {
        case .tokenExpired: connection.end(.tokenExpired)
        case .storageUnavailable, .overloaded: connection.end(.overloaded)
        default: connection.end(.invalidToken)
        }
    }

    /// Verifies the token and lets the connection hear of the user's conversations: entered first, read then, so that
    /// nothing falls in between.
    private func begin(_ token: String) async throws(ParleyError) -> Caller {
        let caller = try await services.verifier.verify(token)
        guard let user = caller.userID else { throw ParleyError(.invalidToken, "a socket needs a token with a user as its sub") }
        guard let listener = await connection.enter(user) else { return Caller(userID: nil) }
        let conversations: [ConversationID]
        do { conversations = try await services.conversations.conversationIDs(of: user) } catch { throw ParleyError(error) }
        await connection.listen(listener, to: conversations)
        await services.presence.arrived(user)
        if let expiry = caller.expiresAt { connection.close(at: expiry, now: services.timeSource.now()) }
        return caller
    }

    private func send(_ draft: MessageDraft, _ id: Int64, _ caller: Caller?) async throws(ParleyError) -> [UInt8] {
        guard let caller, let user = caller.userID else { throw ParleyError(.missingToken, "authenticate first") }
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
}
