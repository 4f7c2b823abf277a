import ParleyModel
import ParleyPush

/// What an answer of APNs means. The reasons are Apple's ("Handling notification responses from APNs").
struct APNsVerdict {
    let answer: HTTPAnswer
    let now: Timestamp

    var verdict: ServiceVerdict {
        switch answer.status {
        case 200: .up(.accepted(id: answer.field("apns-id")))
        case 410: .up(.deviceGone(since: timestamp))
        case 403: refusal
        case 429: tooMany
        case 502, 504: .silent(after: wait, reason)
        case 500...599: .down(after: wait, reason)
        case 400...499: malformed
        default: .down(reason)
        }
    }

    private var wait: Double? { RetryAfter.seconds(answer.field("retry-after"), at: now) }

    /// Who we are is not accepted: an operator can mend it.
    private var refusal: ServiceVerdict {
        switch appleReason {
        case "ExpiredProviderToken":
            ServiceVerdict(
                answer: .retry(after: wait, reason: "\(reason): is this machine's clock right?"), health: .down(reason: reason),
                refusesToken: true)
        case "InvalidProviderToken": .down(after: wait, "\(reason): the key, its id and the team's id must belong together")
        default: .down(after: wait, reason)
        }
    }

    private var tooMany: ServiceVerdict {
        // Too many for one device says nothing of the service; too many new tokens are our own fault.
        appleReason == "TooManyProviderTokenUpdates"
            ? .down(after: wait, reason) : .up(.retry(after: wait, reason: reason))
    }

    private var malformed: ServiceVerdict {
        switch appleReason {
        // Either the device's token is of no use or the settings are wrong, and then so are all devices: none is forgotten.
        case "BadDeviceToken": .up(.rejected(reason: "\(reason): wrong, or of the other environment (push.apns.environment)"))
        case "DeviceTokenNotForTopic": .up(.rejected(reason: "\(reason): the device has another app than push.apns.topic"))
        case "BadTopic", "MissingTopic", "TopicDisallowed": .down("\(reason): may this key send to push.apns.topic?")
        case "BadPath", "MethodNotAllowed": .down("\(reason): is the URL that of APNs?")
        case "IdleTimeout": .down(reason)
        case nil where answer.status == 404 || answer.status == 405: .down("\(reason): is the URL that of APNs?")
        case nil where answer.status == 408 || answer.status == 425: .down(after: wait, reason)
        default: .up(.rejected(reason: reason))
        }
    }

    /// For the operator: the status and Apple's word, if it is one.
    private var reason: String { appleReason.map { "\(answer.status) \($0)" } ?? "status \(answer.status)" }

    private var appleReason: String? { body?["reason"].flatMap { ReasonWord.word($0) } }

    /// Milliseconds since 1970.
    private var timestamp: Timestamp? {
        if case .integer(let milliseconds)? = body?["timestamp"], milliseconds > 0 { Timestamp(milliseconds: milliseconds) } else { nil }
    }

    private var body: JSONObject? {
        if case .object(let object)? = try? JSONParser.parse(answer.body) { object } else { nil }
    }
}

/// A word out of an answer that may be repeated to the operator: nothing else can hide in it.
enum ReasonWord {
    static func word(_ value: JSONValue) -> String? {
        guard case .string(let text) = value, (1...64).contains(text.utf8.count),
            text.utf8.allSatisfy({ byte in
                (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
            })
        else { return nil }
        return text
    }
}
