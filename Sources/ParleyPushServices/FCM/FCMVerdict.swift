import ParleyModel
import ParleyPush

/// What an answer of FCM means. The codes are Google's ("ErrorCode" of the REST reference, FCM HTTP v1).
struct FCMVerdict {
    /// Without `Retry-After`, Google asks for at least a minute after too many messages.
    static let quotaSeconds = 60.0

    let answer: HTTPAnswer
    let now: Timestamp
    private let error: JSONObject?
    private let details: [JSONObject]

    init(answer: HTTPAnswer, now: Timestamp) {
        self.answer = answer
        self.now = now
        let body = try? JSONParser.parse(answer.body)
        error = body?.object?["error"]?.object
        if case .array(let details)? = error?["details"] {
            self.details = details.compactMap(\.object)
        } else {
            details = []
        }
    }

    var verdict: ServiceVerdict {
        switch (answer.status, code) {
        case (200, _): .up(.accepted(id: messageName))
        case (_, "UNREGISTERED"): .up(.deviceGone(since: nil))
        case (_, "SENDER_ID_MISMATCH"): .up(.rejected(reason: "\(reason): the device's token is of another Firebase project"))
        case (_, "THIRD_PARTY_AUTH_ERROR"): .down("\(reason): the project's own credentials for APNs or Web Push are wrong")
        case (401, _):
            ServiceVerdict(answer: .retry(after: wait, reason: reason), health: .down(reason: reason), refusesToken: true)
        case (429, _): .down(after: wait ?? Self.quotaSeconds, reason)
        case (400, _): malformed
        case (403, _): .down("\(reason): may this service account send messages, and is the FCM API switched on?")
        case (404, _): .down("\(reason): is there such a project?")
        case (502, _), (504, _): .silent(after: wait, reason)
        case (500...599, _): .down(after: wait, reason)
        case (400...499, _): .up(.rejected(reason: reason))
        default: .down(reason)
        }
    }

    /// A token that FCM itself calls none can never work, in no project and at no time. Any other argument may be our fault,
    /// and then devices must not pay for it.
    private var malformed: ServiceVerdict {
        isTokenMalformed ? .up(.deviceGone(since: nil)) : .up(.rejected(reason: reason))
    }

    /// Google has no code for it: either the field is named, or this sentence stands there, and nothing else tells.
    private var isTokenMalformed: Bool {
        violatedFields == ["message.token"]
            || error?["message"] == .string("The registration token is not a valid FCM registration token")
    }

    private var wait: Double? { RetryAfter.seconds(answer.field("retry-after"), at: now) }

    private var reason: String { code.map { "\(answer.status) \($0)" } ?? "status \(answer.status)" }

    /// FCM's own code if there is one, else that of Google's APIs.
    private var code: String? {
        details.lazy.compactMap { $0["errorCode"].flatMap { ReasonWord.word($0) } }.first
            ?? error?["status"].flatMap { ReasonWord.word($0) }
    }

    private var violatedFields: Set<String> {
        var fields: Set<String> = []
        for detail in details {
            guard case .array(let violations)? = detail["fieldViolations"] else { continue }
            for violation in violations {
                if case .string(let field)? = violation.object?["field"] { fields.insert(field) }
            }
        }
        return fields
    }

    /// `projects/<id>/messages/<name>`.
    private var messageName: String? {
        guard case .string(let name)? = (try? JSONParser.parse(answer.body))?.object?["name"], name.utf8.count <= 300 else { return nil }
        return name
    }
}

extension JSONValue {
    fileprivate var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }
}
