import ParleyModel
import ParleyPush

/// What an answer of a push service means: for the notification, and for the push service's standing.
struct WebPushVerdict: Equatable {
    let answer: PushAnswer
    let outcome: OriginTable.Outcome
    /// The token may be to blame; the next one is signed anew.
    var doubtsToken = false

    /// - Parameter secret: The part of the endpoint that stands for the device, to be left out of reasons.
    static func of(_ answer: PushConnections.Answer, at now: Timestamp, hiding secret: String) -> WebPushVerdict {
        let reason = reason(answer, hiding: secret)
        let after = RetryAfter.seconds(answer.retryAfter, at: now)
        switch answer.status {
        case 200...299:
            return WebPushVerdict(answer: .accepted(id: answer.location), outcome: .answered)
        // RFC 8030, section 7.3: the subscription has ended, or never was.
        case 404, 410:
            return WebPushVerdict(answer: .deviceGone(since: nil), outcome: .answered)
        // The key, the contact or the clock: an operator can mend these, and no device is lost over them.
        case 401, 403:
            return WebPushVerdict(answer: .retry(after: after, reason: reason), outcome: .answered, doubtsToken: true)
        case 429:
            return WebPushVerdict(answer: .retry(after: after, reason: reason), outcome: .busy)
        // A gateway in between has heard nothing sensible of the push service, which may have taken it.
        case 502, 504:
            return WebPushVerdict(answer: .unanswered(after: after, reason: reason), outcome: .failed(after: after))
        case 408, 500...599:
            return WebPushVerdict(answer: .retry(after: after, reason: reason), outcome: .failed(after: after))
        // Redirections are not followed. One that stays is a matter for an operator; most are of a proxy in between, and pass.
        case 300...399:
            return WebPushVerdict(answer: .retry(after: after, reason: reason), outcome: .failed(after: after))
        default:
            return WebPushVerdict(answer: .rejected(reason: reason), outcome: .answered)
        }
    }

    private static let reasonLength = 200

    /// Push services write what is wrong into the body, some of them with the endpoint.
    private static func reason(_ answer: PushConnections.Answer, hiding secret: String) -> String {
        let printable = String(answer.text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? Character($0) : " " })
        let told = (secret.isEmpty ? printable : printable.replacing(secret, with: "…")).split(separator: " ").joined(separator: " ")
        return told.isEmpty ? "answered \(answer.status)" : "answered \(answer.status): \(told.prefix(reasonLength))"
    }
}
