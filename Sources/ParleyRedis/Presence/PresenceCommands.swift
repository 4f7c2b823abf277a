import ParleyCore
import ParleyModel

/// The keys of presence, and the commands on them.
///
/// - `user:online:<id>` exists while the user is online, for other programs too (DESIGN section 3): a string, so that `GET` and
///   `MGET` do as well as `EXISTS`. Its value is `parley`, or `parley:away` while none of the connections is attended.
/// - `parley:online:<id>` names the nodes that have connections of the user, a sorted set by when each node's lease ends, so
///   that a user whom one node loses stays online while another has them. A node whose connections of the user are all away
///   stands in it a second time, as `<node> away`.
/// - `parley:last_seen:<id>` is when the user's last visit ended, in milliseconds since 1970.
enum PresenceCommands {
    /// How long it is remembered when somebody was last seen.
    private static let lastSeenMilliseconds: Int64 = 90 * 86_400_000

    /// One step for the server, by its own clock. A lease of 0 means that the node has no connection of the user any more.
    ///
    /// `user:online` lasts until the last node's lease ends. What another program has set there is left to it, unless it ends sooner
    /// and somebody is attended here.
    /// Returns 1 when the user was online before. (https://redis.io/docs/latest/commands/eval/)
    static let script = """
        local online, nodes, seen = KEYS[1], KEYS[2], KEYS[3]
        local node, lease, left, keep, away = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local was = redis.call('EXISTS', online)
        redis.call('ZREMRANGEBYSCORE', nodes, '-inf', now)
        if lease > 0 then redis.call('ZADD', nodes, now + lease, node) else redis.call('ZREM', nodes, node) end
        local absent = node .. ' away'
        if away == '1' then redis.call('ZADD', nodes, now + lease, absent) else redis.call('ZREM', nodes, absent) end
        local last = redis.call('ZRANGE', nodes, -1, -1, 'WITHSCORES')[2]
        local attended = 0
        for _, member in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
          attended = attended + (string.sub(member, -5) == ' away' and -1 or 1)
        end
        local value = attended > 0 and 'parley' or 'parley:away'
        local found = redis.call('GET', online)
        local ours = found == 'parley' or found == 'parley:away'
        if last then
          local rest = tonumber(last) - now
          redis.call('PEXPIRE', nodes, rest)
          local ends = redis.call('PTTL', online)
          if ours or ends == -2 or (attended > 0 and ends >= 0 and ends < rest) then
            redis.call('SET', online, value, 'PX', rest)
          end
        elseif ours then
          redis.call('DEL', online)
        end
        if lease == 0 and not last and left ~= '' then redis.call('SET', seen, left, 'PX', keep) end
        return was
        """

    /// - Parameters:
    ///   - digest: Of the script, by which a server knows it that has seen it; nil sends it whole.
    ///   - visit: How the user stands at this node.
    ///   - leaseMilliseconds: Of this node from now on.
    ///   - leftAt: When they left; nil when that is not to be remembered.
    static func update(
        _ user: UserID, _ visit: NodeVisit, node: RedisNodeID, leaseMilliseconds: Int64, leftAt: Timestamp?, digest: [UInt8]?
    ) -> RedisCommand {
        var command = RedisCommand(digest == nil ? "EVAL" : "EVALSHA")
        if let digest { command.add(digest) } else { command.add(script) }
        command.add(3)
        for key in [onlineKey(user), "parley:online:\(user)", lastSeenKey(user)] { command.add(key) }
        command.add(node.description)
        command.add(visit == .gone ? 0 : leaseMilliseconds)
        command.add(leftAt.map { String($0.milliseconds) } ?? "")
        command.add(lastSeenMilliseconds)
        command.add(visit == .away ? 1 : 0)
        return command
    }

    static func isOnline(_ user: UserID) -> RedisCommand { RedisCommand("EXISTS", onlineKey(user)) }
    /// To be read by ``isAttended(_:)``.
    static func attention(_ user: UserID) -> RedisCommand { RedisCommand("GET", onlineKey(user)) }
    /// Whoever is online through another program is attended.
    static func isAttended(_ reply: RedisReply) -> Bool { reply.text.map { !$0.elementsEqual("parley:away".utf8) } ?? false }
    static func lastSeen(_ user: UserID) -> RedisCommand { RedisCommand("GET", lastSeenKey(user)) }
    static let load = RedisCommand("SCRIPT", "LOAD", script)

    private static func onlineKey(_ user: UserID) -> String { "user:online:\(user)" }
    private static func lastSeenKey(_ user: UserID) -> String { "parley:last_seen:\(user)" }
}
