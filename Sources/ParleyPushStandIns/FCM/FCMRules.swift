import ParleyModel

/// What Google asks of a message (REST reference, FCM HTTP v1, `projects.messages`).
struct FCMRules {
    static let maxBytes = 4096
    static let maxLifetimeSeconds = 2_419_200.0

    enum Outcome {
        case message(device: String)
        case refused(FCMRefusal)
    }

    let projectID: String

    func check(_ request: StandInRequest) -> Outcome {
        guard request.path == "/v1/projects/\(projectID)/messages:send" else { return .refused(FCMRefusal(404, "NOT_FOUND")) }
        guard request.method == "POST" else { return .refused(FCMRefusal(404, "NOT_FOUND")) }
        guard request.field("content-type")?.hasPrefix("application/json") == true,
            case .object(let body)? = try? JSONParser.parse(request.body), Self.only(["message", "validate_only"], in: body),
            let message = body.child("message")
        else { return .refused(FCMRefusal(400, "INVALID_ARGUMENT")) }
        if let field = Self.wrongField(message) { return .refused(FCMRefusal(400, "INVALID_ARGUMENT", field: field)) }
        guard Self.byteCount(message) <= Self.maxBytes else { return .refused(FCMRefusal(400, "INVALID_ARGUMENT", field: "message")) }
        return .message(device: message.text("token") ?? "")
    }

    private static func wrongField(_ message: JSONObject) -> String? {
        guard only(["token", "data", "notification", "android", "apns", "webpush", "fcm_options"], in: message) else { return "message" }
        guard let token = message.text("token"), isToken(token) else { return "message.token" }
        if let data = message["data"], !isData(data) { return "message.data" }
        if let notification = message["notification"], !isNotification(notification) { return "message.notification" }
        if let android = message["android"], !isAndroid(android) { return "message.android" }
        return nil
    }

    private static func only(_ names: Set<String>, in object: JSONObject) -> Bool {
        object.members.allSatisfy { names.contains($0.name) }
    }

    private static func isToken(_ token: String) -> Bool {
        token.utf8.count >= 10
            && token.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber || "-_:".unicodeScalars.contains(scalar))
            }
    }

    private static func isData(_ value: JSONValue) -> Bool {
        guard case .object(let data) = value else { return false }
        return data.members.allSatisfy { name, value in
            guard case .string = value else { return false }
            return !["from", "message_type", "collapse_key"].contains(name) && !name.hasPrefix("google") && !name.hasPrefix("gcm")
        }
    }

    private static func isNotification(_ value: JSONValue) -> Bool {
        guard case .object(let notification) = value, only(["title", "body", "image"], in: notification) else { return false }
        return notification.members.allSatisfy { if case .string = $0.value { true } else { false } }
    }

    private static func isAndroid(_ value: JSONValue) -> Bool {
        guard case .object(let android) = value else { return false }
        return android.members.allSatisfy { name, value in
            switch (name, value) {
            case ("collapse_key", .string), ("restricted_package_name", .string): true
            case ("priority", .string(let priority)): ["NORMAL", "HIGH"].contains(priority)
            case ("ttl", .string(let ttl)): isLifetime(ttl)
            case ("notification", .object(let notification)): isAndroidNotification(notification)
            default: false
            }
        }
    }

    private static func isLifetime(_ ttl: String) -> Bool {
        guard ttl.last == "s", let seconds = Double(ttl.dropLast()) else { return false }
        return (0...maxLifetimeSeconds).contains(seconds)
    }

    private static func isAndroidNotification(_ notification: JSONObject) -> Bool {
        notification.members.allSatisfy { name, value in
            switch (name, value) {
            case ("title", .string), ("body", .string), ("icon", .string), ("sound", .string), ("tag", .string), ("channel_id", .string):
                true
            case ("body_loc_key", .string), ("title_loc_key", .string): true
            case ("body_loc_args", .array(let values)), ("title_loc_args", .array(let values)):
                values.allSatisfy { if case .string = $0 { true } else { false } }
            default: false
            }
        }
    }

    /// Names and values of the data, and the texts of the alert.
    private static func byteCount(_ message: JSONObject) -> Int {
        [message.child("data"), message.child("notification")].reduce(0) { sum, object in
            (object?.members ?? []).reduce(sum) { sum, member in
                guard case .string(let text) = member.value else { return sum }
                return sum + member.name.utf8.count + text.utf8.count
            }
        }
    }
}
