import ParleyModel

/// An answer other than 200.
struct APNsRefusal: Equatable {
    let status: Int
    let reason: String

    init(_ status: Int, _ reason: String) {
        self.status = status
        self.reason = reason
    }
}

/// What Apple asks of a request, but for the provider token ("Sending notification requests to APNs"). Apple says of some of
/// it only that it must not be; then the nearest of its reasons is answered.
struct APNsRules: Sendable {
    static let maxPayloadBytes = 4096
    static let maxCollapseIDBytes = 64
    private static let singleFields = [
        "authorization", "apns-id", "apns-topic", "apns-push-type", "apns-priority", "apns-expiration", "apns-collapse-id",
    ]
    private static let pushTypes: Set<String> = [
        "alert", "background", "location", "voip", "complication", "fileprovider", "mdm", "liveactivity", "pushtotalk", "widgets",
    ]

    let topics: Set<String>

    static func deviceToken(in path: String) -> String { String(path.dropFirst("/3/device/".count)) }

    func refusal(of request: StandInRequest) -> APNsRefusal? {
        address(request) ?? fields(request) ?? payload(request)
    }

    private func address(_ request: StandInRequest) -> APNsRefusal? {
        guard request.method == "POST" else { return APNsRefusal(405, "MethodNotAllowed") }
        guard request.path.hasPrefix("/3/device") else { return APNsRefusal(404, "BadPath") }
        let token = Self.deviceToken(in: request.path)
        guard !token.isEmpty else { return APNsRefusal(400, "MissingDeviceToken") }
        guard (64...200).contains(token.utf8.count), token.utf8.count % 2 == 0, token.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            return APNsRefusal(400, "BadDeviceToken")
        }
        return nil
    }

    private func fields(_ request: StandInRequest) -> APNsRefusal? {
        if Self.singleFields.contains(where: { request.count(of: $0) > 1 }) { return APNsRefusal(400, "DuplicateHeaders") }
        guard let topic = request.field("apns-topic") else { return APNsRefusal(400, "MissingTopic") }
        guard topics.contains(topic) else { return APNsRefusal(400, "TopicDisallowed") }
        guard let type = request.field("apns-push-type"), Self.pushTypes.contains(type) else { return APNsRefusal(400, "InvalidPushType") }
        if let id = request.field("apns-id"), UserID(id) == nil || id != id.lowercased() { return APNsRefusal(400, "BadMessageId") }
        if let id = request.field("apns-collapse-id"), !(1...Self.maxCollapseIDBytes).contains(id.utf8.count) {
            return APNsRefusal(400, "BadCollapseId")
        }
        if let expiration = request.field("apns-expiration"), UInt32(expiration) == nil { return APNsRefusal(400, "BadExpirationDate") }
        let priority = request.field("apns-priority") ?? "10"
        guard ["1", "5", "10"].contains(priority), type != "background" || priority != "10" else { return APNsRefusal(400, "BadPriority") }
        return nil
    }

    private func payload(_ request: StandInRequest) -> APNsRefusal? {
        guard !request.body.isEmpty else { return APNsRefusal(400, "PayloadEmpty") }
        guard request.body.count <= Self.maxPayloadBytes else { return APNsRefusal(413, "PayloadTooLarge") }
        guard case .object(let payload)? = try? JSONParser.parse(request.body), let aps = payload.child("aps") else {
            return APNsRefusal(400, "PayloadEmpty")
        }
        guard APSRules.areMembersRight(aps) else { return APNsRefusal(400, "PayloadEmpty") }
        let shows = ["alert", "badge", "sound"].contains { aps[$0] != nil }
        let isSilent = aps.whole("content-available") == 1
        switch request.field("apns-push-type") {
        case "background": return isSilent && !shows ? nil : APNsRefusal(400, "InvalidPushType")
        case "alert": return shows ? nil : APNsRefusal(400, "InvalidPushType")
        default: return nil
        }
    }
}

/// The members of `aps` ("Generating a remote notification").
private enum APSRules {
    static func areMembersRight(_ aps: JSONObject) -> Bool {
        aps.members.allSatisfy { name, value in
            switch (name, value) {
            case ("alert", .string), ("thread-id", .string), ("category", .string), ("sound", .string), ("sound", .object): true
            case ("alert", .object(let alert)): isAlert(alert)
            case ("badge", .integer(let number)): number >= 0
            case ("content-available", .integer(1)), ("mutable-content", .integer(1)): true
            case ("interruption-level", .string(let level)): ["passive", "active", "time-sensitive", "critical"].contains(level)
            default: false
            }
        }
    }

    private static func isAlert(_ alert: JSONObject) -> Bool {
        let hasText = ["title", "body", "loc-key", "title-loc-key"].contains { alert[$0] != nil }
        return hasText
            && alert.members.allSatisfy { name, value in
                switch (name, value) {
                case ("title", .string), ("subtitle", .string), ("body", .string), ("loc-key", .string), ("title-loc-key", .string): true
                case ("loc-args", .array(let values)), ("title-loc-args", .array(let values)):
                    values.allSatisfy { if case .string = $0 { true } else { false } }
                default: false
                }
            }
    }
}
