import AsyncHTTPClient
import NIOCore
import ParleyCore
import ParleyModel
import ParleyPush

/// What an answer means for the notification, and what it shows of the service.
struct ServiceVerdict: Equatable {
    let answer: PushAnswer
    let health: ServiceHealth
    /// The service does not take the credential any more: another one may help.
    var refusesToken = false

    static func up(_ answer: PushAnswer) -> ServiceVerdict { ServiceVerdict(answer: answer, health: .up) }

    /// Something that an operator, or the service, has to mend.
    static func down(after: Double? = nil, _ reason: String) -> ServiceVerdict {
        ServiceVerdict(answer: .retry(after: after, reason: reason), health: .down(reason: reason))
    }

    /// A gateway in between (502, 504) has heard nothing sensible of the service, which may have taken the request.
    static func silent(after: Double? = nil, _ reason: String) -> ServiceVerdict {
        ServiceVerdict(answer: .unanswered(after: after, reason: reason), health: .down(reason: reason))
    }
}

/// Asks a push service within its limits, with a credential that is renewed; again at once where that can help.
final class PushServiceCaller: Sendable {
    /// Before a further try. The pool needs a moment to see that a connection has ended; until then it may give it out again.
    private static let pauses = [10, 100]

    private let client: PushHTTPClient
    private let credential: RenewableToken
    private let gate: PushGate
    private let limits: PushServiceLimits

    init(client: PushHTTPClient, credential: RenewableToken, limits: PushServiceLimits, time: any TimeSource) {
        self.client = client
        self.credential = credential
        self.limits = limits
        gate = PushGate(limits: limits, time: time)
    }

    /// `request` makes the request for a credential, `judge` reads its answer.
    func call(
        _ request: @Sendable (String) -> HTTPClientRequest, judge: @Sendable (HTTPAnswer) -> ServiceVerdict
    ) async -> PushAnswer {
        if case .refused(let seconds, let reason) = gate.enter() { return .retry(after: seconds, reason: reason) }
        let deadline = NIODeadline.now() + .milliseconds(Int64(limits.answerSeconds * 1000))
        var attempt = await attempt(request, judge, until: deadline)
        var mayBeTaken = attempt.verdict.answer.isUnanswered
        for milliseconds in Self.pauses where attempt.triesAgain {
            try? await Task.sleep(for: .milliseconds(milliseconds))
            guard NIODeadline.now() < deadline, !Task.isCancelled else { break }
            attempt = await self.attempt(request, judge, until: deadline)
            mayBeTaken = mayBeTaken || attempt.verdict.answer.isUnanswered
        }
        let isLeftAlone = gate.leave(attempt.verdict.health)
        if isLeftAlone, attempt.timedOut { client.dropConnections() }
        // What is refused now may have been taken before.
        if mayBeTaken, case .retry(let seconds, let reason) = attempt.verdict.answer { return .unanswered(after: seconds, reason: reason) }
        return attempt.verdict.answer
    }

    /// For measurements: makes one request, and sends it as often as the result is called, past everything that is done for a
    /// notification. Nil without a credential.
    func bareCalls(_ request: @Sendable (String) -> HTTPClientRequest) async -> (@Sendable () async -> Bool)? {
        guard case .success(let token) = await credential.current() else { return nil }
        let prepared = request(token)
        return { [client, limits] in
            let deadline = NIODeadline.now() + .milliseconds(Int64(limits.answerSeconds * 1000))
            guard case .success(let answer) = await client.send(prepared, until: deadline) else { return false }
            return answer.status == 200
        }
    }

    private struct Attempt {
        let verdict: ServiceVerdict
        var triesAgain = false
        var timedOut = false
    }

    private func attempt(
        _ request: (String) -> HTTPClientRequest, _ judge: (HTTPAnswer) -> ServiceVerdict, until deadline: NIODeadline
    ) async -> Attempt {
        let token: String
        switch await credential.current() {
        case .success(let text): token = text
        case .failure(let failure):
            return Attempt(verdict: ServiceVerdict(answer: .retry(after: failure.after, reason: failure.reason), health: .unknown))
        }
        switch await client.send(request(token), until: deadline) {
        case .success(let answer):
            let verdict = judge(answer)
            return Attempt(verdict: verdict, triesAgain: verdict.refusesToken && credential.refuse(token))
        case .failure(let failure):
            let answer: PushAnswer =
                failure.mayBeTaken ? .unanswered(after: nil, reason: failure.reason) : .retry(after: nil, reason: failure.reason)
            let isStopping = failure == .cancelled || failure == .shutDown
            let verdict = ServiceVerdict(answer: answer, health: isStopping ? .unknown : .down(reason: failure.reason))
            // A closed connection is a server's way to send its clients elsewhere. A repeat takes the place of what was shown.
            return Attempt(
                verdict: verdict, triesAgain: failure == .closed, timedOut: failure == .timedOut || failure == .notBegun)
        }
    }
}

extension PushAnswer {
    fileprivate var isUnanswered: Bool {
        if case .unanswered = self { true } else { false }
    }
}
