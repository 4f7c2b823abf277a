import ParleyCore
public import ParleyEngines
import ParleyModel

/// Looks at a Redis for `parley doctor`. What it writes is gone a moment later.
public enum RedisExamination {
    private static let oldest = [5, 0]

    /// It blocks: not for tasks and event loops. What cannot be asked is a finding.
    public static func findings(_ configuration: RedisConfiguration) -> [EngineFinding] {
        let connection = RedisConnection(configuration, name: "parley-doctor")
        defer { connection.close() }
        do throws(StoreError) {
            try connection.connect()
            let info = try facts(connection)
            return [version(info), role(info), eviction(info), try mayDo(connection)]
        } catch {
            return [EngineFinding("cannot be asked: \(sentence(error))", .bad(advice: "see to the server and to redis.url"))]
        }
    }

    /// `INFO`, by name (https://redis.io/docs/latest/commands/info/).
    private static func facts(_ connection: RedisConnection) throws(StoreError) -> [String: String] {
        guard let reply = try connection.run([RedisCommand("INFO")]).first, let bytes = reply.text else { return [:] }
        var facts: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { facts[String(parts[0])] = String(parts[1]) }
        }
        return facts
    }

    private static func version(_ info: [String: String]) -> EngineFinding {
        guard let version = info["redis_version"] else {
            return EngineFinding("answers", .doubtful(advice: "let the user run INFO, so that more can be looked at"))
        }
        return EngineFinding("answers, version \(version)", isVersion(version, atLeast: oldest), orElse: "use Redis 5 or later")
    }

    private static func role(_ info: [String: String]) -> EngineFinding {
        let isReplica = info["role"] == "slave"
        let isCluster = info["redis_mode"] == "cluster"
        if isCluster {
            return EngineFinding("runs as Redis Cluster", .bad(advice: "name a server, or one with replicas, that is not a cluster"))
        }
        return EngineFinding(isReplica ? "is a replica" : "takes writes", !isReplica, orElse: "name the master in redis.url")
    }

    private static func eviction(_ info: [String: String]) -> EngineFinding {
        let policy = info["maxmemory_policy"] ?? "noeviction"
        let isLimited = info["maxmemory"].map { $0 != "0" } ?? false
        guard isLimited, policy != "noeviction" else { return EngineFinding("forgets nobody who is online when memory is short") }
        return EngineFinding(
            "forgets keys when memory is short (\(policy))",
            .doubtful(advice: "set maxmemory-policy to noeviction; or users count as offline too early and get pushes"))
    }

    private static func mayDo(_ connection: RedisConnection) throws(StoreError) -> EngineFinding {
        let user = UserID.random()
        let refused = try connection.run([
            RedisCommand("PUBLISH", BusChannel.messages(.random()).name, "{}"),
            RedisCommand("SET", "user:online:\(user)", "doctor", "PX", "1000"), RedisCommand("DEL", "user:online:\(user)"),
            RedisCommand("EVAL", "return 1", "0"),
        ]).compactMap { reply -> String? in if case .error(let text) = reply { text } else { nil } }
        return EngineFinding(
            refused.isEmpty ? "may publish, write keys and run scripts" : "refuses: \(refused.joined(separator: "; "))", refused.isEmpty,
            orElse: "let the user publish and subscribe, and write keys that begin with user: and parley:")
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let text), .outcomeUnknown(let text), .unexpected(let text): text
        case .invalidCursor: "\(error)"
        }
    }
}
