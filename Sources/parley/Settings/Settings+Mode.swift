/// Embedded or cluster: the four URLs together say so.
extension Settings {
    static let engineKeys = ["mongodb.url", "postgres.url", "redis.url", "amqp.url"]

    var isCluster: Bool { optional(Self.engineKeys[0]) != nil }

    /// What does not fit together.
    var contradictions: [String] {
        let missing = Self.engineKeys.filter { optional($0) == nil }
        if missing.count < Self.engineKeys.count, !missing.isEmpty {
            let names = missing.map { key in "\(key) (\(Setting.all.first { $0.key == key }?.environmentName ?? ""))" }
            return ["A cluster needs all four URLs; \(names.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") not set."]
        }
        if !isCluster, roles != Set(NodeRole.allCases) {
            return ["roles must be \(NodeRole.all) in the embedded mode: one process does everything there. A cluster needs the four URLs."]
        }
        return pushContradictions
    }

    /// A key for APNs is of no use without its names, nor are these without it; what only shapes a push service's notifications is of
    /// none without its key.
    private var pushContradictions: [String] {
        let keys = ["push.apns.key_file", "push.apns.key_id", "push.apns.team_id", "push.apns.topic"]
        let missing = keys.filter { optional($0) == nil }
        if !missing.isEmpty, missing.count < keys.count {
            return [
                "APNs needs \(keys.joined(separator: ", ")); \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") not set."
            ]
        }
        return [
            ("push.apns.key_file", ["push.apns.environment", "push.apns.localization_key", "push.apns.url"]),
            ("push.fcm.service_account_file", ["push.fcm.form", "push.fcm.channel_id", "push.fcm.localization_key", "push.fcm.url"]),
        ].flatMap { key, options in
            optional(key) == nil ? options.filter(isChosen).map { "\($0) has no effect: \(key) is not set." } : []
        }
    }

    private func isChosen(_ key: String) -> Bool {
        if case .byDefault? = values[key]?.origin { return false }
        return optional(key) != nil
    }
}
