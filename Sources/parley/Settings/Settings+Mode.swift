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
        return []
    }
}
