import HTTPTypes
import Hummingbird
public import ParleyCore
import ParleyModel

/// Says who is calling, from the bearer token (RFC 6750), and holds every user to their rate.
struct IdentityMiddleware: RouterMiddleware {
    let verifier: any TokenVerifier
    let limits: RequestLimits
    let timeSource: any TimeSource

    func handle(_ request: Request, context: ParleyRequestContext, next: (Request, ParleyRequestContext) async throws -> Response)
        async throws
        -> Response
    {
        var context = context
        let caller = try await caller(of: request)
        context.identity = caller
        let decision = try limit(caller, request, context)
        var response = try await next(request, context)
        decision?.write(to: &response.headers)
        return response
    }

    private func caller(of request: Request) async throws(ParleyError) -> Caller {
        guard let header = request.headers[.authorization] else {
            throw ParleyError(.missingToken, "send the header Authorization: Bearer <token>")
        }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw ParleyError(.missingToken, "the Authorization header must be: Bearer <token>")
        }
        let caller = try await verifier.verify(String(parts[1]))
        guard let named = request.headers[.onBehalfOf] else { return caller }
        guard caller.isService else {
            throw ParleyError(.serviceTokenRequired, "only a service token may use the header Parley-On-Behalf-Of")
        }
        guard let user = UserID(named) else { throw .invalid("Parley-On-Behalf-Of", "must be a UUID") }
        return caller.acting(for: user)
    }

    /// A service token is not held to a rate: the team's own backend speaks for everybody.
    private func limit(_ caller: Caller, _ request: Request, _ context: ParleyRequestContext) throws -> RateLimiter.Decision? {
        guard !caller.isService, let user = caller.userID else { return nil }
        // The route's path, not the request's: `/v1/messages/` is the same route.
        let isCreate = request.method == .post && context.endpointPath?.hasSuffix("/messages") == true
        guard let limiter = isCreate ? limits.messages : limits.requests else { return nil }
        let decision = limiter.take(for: user, at: timeSource.now())
        guard decision.isAllowed else { throw RateLimitExceeded(decision: decision) }
        return decision
    }
}

/// How many requests a user may make; nil is no limit.
public struct RequestLimits: Sendable {
    /// Creates of messages, over REST and sockets together.
    public let messages: RateLimiter?
    /// Everything else.
    public let requests: RateLimiter?

    public init(messages: RateLimiter?, requests: RateLimiter?) {
        self.messages = messages
        self.requests = requests
    }
}

struct RateLimitExceeded: Error {
    let decision: RateLimiter.Decision

    var refusal: ParleyError {
        ParleyError(.rateLimited, "this user has used up the requests of the moment", retryAfterSeconds: decision.retryAfterSeconds)
    }
}

extension RateLimiter.Decision {
    func write(to headers: inout HTTPFields) {
        headers[.rateLimitLimit] = String(limit)
        headers[.rateLimitRemaining] = String(remaining)
        headers[.rateLimitReset] = String(Int(resetSeconds.rounded(.up)))
    }
}
