import ParleyModel

/// One setting: its key (as in the file, dots for levels), what it may be, its default, and what it is for. The settings
/// page and `parley config` are printed from this table.
struct Setting: Sendable {
    enum Kind: Sendable, Equatable {
        case text
        case secret
        case whole(ClosedRange<Int>)
        case choice([String])
        /// Any of them, each once, with commas between.
        case some([String])
        /// A URL with one of these schemes; it may hold a password.
        case url([String])
    }

    let key: String
    let kind: Kind
    /// Nil: not set.
    let defaultValue: String?
    let help: String

    /// The name in the environment: `limits.messages_per_second` is `PARLEY_LIMITS_MESSAGES_PER_SECOND`.
    var environmentName: String {
        "PARLEY_" + key.map { $0 == "." ? "_" : $0 }.map { String($0).uppercased() }.joined()
    }

    var isSecret: Bool {
        switch kind {
        case .secret, .url: true
        case .text, .whole, .choice, .some: false
        }
    }

    /// Says what is wrong with a value; nil when nothing is.
    func complaint(about value: String) -> String? {
        switch kind {
        case .text: value.isEmpty ? "must not be empty" : nil
        case .secret: value.utf8.count < 32 ? "must have at least 32 bytes (make one with: openssl rand -hex 32)" : nil
        case .whole(let range):
            if let number = Int(value), range.contains(number) {
                nil
            } else {
                "must be a whole number from \(range.lowerBound) to \(range.upperBound), but is \"\(value)\""
            }
        case .choice(let choices):
            choices.contains(value) ? nil : "must be \(choices.joined(separator: " or ")), but is \"\(value)\""
        case .some(let choices): Self.complaint(about: value.split(separator: ",", omittingEmptySubsequences: false), choices)
        case .url(let schemes):
            // Nothing of the value is repeated: a password may stand anywhere in it.
            schemes.contains { value.hasPrefix($0 + "://") }
                ? nil : "must be a URL that begins with \(schemes.map { $0 + "://" }.joined(separator: " or "))"
        }
    }
}

extension Setting {
    private static func complaint(about values: [Substring], _ choices: [String]) -> String? {
        let isGood = Set(values).count == values.count && values.allSatisfy { choices.contains(String($0)) }
        return isGood ? nil : "must name some of \(choices.joined(separator: ", ")), with commas between and each once"
    }

    static let all: [Setting] = [
        Setting(key: "host", kind: .text, defaultValue: "127.0.0.1", help: "Address to listen on."),
        Setting(key: "port", kind: .whole(0...65_535), defaultValue: "8080", help: "Port to listen on; 0 takes a free one."),
        Setting(
            key: "data", kind: .text, defaultValue: "./parley-data",
            help: "Folder of the embedded mode's data; made when missing. A cluster keeps only a development secret in it."),
        Setting(
            key: "roles", kind: .some(NodeRole.allCases.map(\.rawValue)), defaultValue: NodeRole.all,
            help: "What this process does: any of api, gateway and push, with commas between. Embedded, one process does everything."),
        Setting(
            key: "mongodb.url", kind: .url(["mongodb", "mongodb+srv"]), defaultValue: nil,
            help: "Cluster: where messages are. The four URLs together switch from embedded to cluster mode."),
        Setting(
            key: "postgres.url", kind: .url(["postgres", "postgresql"]), defaultValue: nil,
            help: "Cluster: where conversations, participants, media and devices are."),
        Setting(key: "redis.url", kind: .url(["redis"]), defaultValue: nil, help: "Cluster: events between nodes, and who is online."),
        Setting(key: "amqp.url", kind: .url(["amqp", "amqps"]), defaultValue: nil, help: "Cluster: the RabbitMQ server with push jobs."),
        Setting(
            key: "sequence.allocator", kind: .choice(["mongodb", "postgres"]), defaultValue: "mongodb",
            help: "Cluster: who gives messages their numbers; the same on all nodes. See docs/decisions/0018."),
        Setting(key: "auth.secret", kind: .secret, defaultValue: nil, help: "Shared secret of HS256 tokens, at least 32 bytes."),
        Setting(
            key: "auth.jwks_file", kind: .text, defaultValue: nil, help: "File with a JWKS: public keys of RS256, ES256 and EdDSA tokens."),
        Setting(
            key: "log.level", kind: .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), defaultValue: "notice",
            help: "Least severe log line that is written, to standard error."),
        Setting(
            key: "limits.messages_per_second", kind: .whole(0...1_000_000), defaultValue: "50",
            help: "Messages a user may create per second on average; 0 is no limit."),
        Setting(
            key: "limits.messages_burst", kind: .whole(1...1_000_000), defaultValue: "200", help: "Messages a user may create at once."),
        Setting(
            key: "limits.requests_per_second", kind: .whole(0...1_000_000), defaultValue: "100",
            help: "Other requests a user may make per second on average; 0 is no limit."),
        Setting(
            key: "limits.requests_burst", kind: .whole(1...1_000_000), defaultValue: "400", help: "Other requests a user may make at once."),
        Setting(
            key: "limits.participants", kind: .whole(2...10_000_000), defaultValue: "200000", help: "Participants a conversation may have."),
        Setting(
            key: "limits.receipts_participants", kind: .whole(2...10_000), defaultValue: "100",
            help: "Participants up to which everybody is told of every read and delivered marker and of who is typing; beyond, of counts."),
        Setting(
            key: "limits.idle_seconds", kind: .whole(1...3600), defaultValue: "60",
            help: "An HTTP connection on which nothing happens for so long is closed."),
        Setting(
            key: "lane.max_depth", kind: .whole(1...1_000_000), defaultValue: "4096",
            help: "Creates that may wait to be stored; beyond that they get 503."),
        Setting(key: "lane.max_batch", kind: .whole(1...10_000), defaultValue: "256", help: "Messages stored in one batch."),
        Setting(
            key: "lane.max_wait_seconds", kind: .whole(1...600), defaultValue: "10", help: "A create that has waited longer gets 503."),
        Setting(
            key: "socket.max_message_bytes", kind: .whole(1024...16_777_216), defaultValue: "65536", help: "Largest message of a client."),
        Setting(
            key: "socket.max_outbound_bytes", kind: .whole(16_384...268_435_456), defaultValue: "262144",
            help: "Bytes that may wait for a slow reader; beyond that position hints take the place of events until it has read them."),
        Setting(
            key: "socket.authentication_seconds", kind: .whole(1...600), defaultValue: "10",
            help: "Time from the handshake until a token is shown."),
        Setting(key: "socket.heartbeat_seconds", kind: .whole(1...600), defaultValue: "25", help: "Time between heartbeats."),
        Setting(
            key: "socket.commands_per_second", kind: .whole(1...1_000_000), defaultValue: "50",
            help: "Commands a socket may send per second on average."),
        Setting(
            key: "socket.commands_burst", kind: .whole(1...1_000_000), defaultValue: "200", help: "Commands a socket may send at once."),
        Setting(
            key: "socket.max_subscriptions", kind: .whole(1...1_000_000), defaultValue: "10000",
            help: "Conversations one connection may hear of."),
        Setting(
            key: "socket.max_presence_users", kind: .whole(1...10_000), defaultValue: "500",
            help: "Users whose presence one connection may watch."),
        Setting(
            key: "socket.max_per_user", kind: .whole(1...100_000), defaultValue: "50", help: "Connections a user may have open at once."),
        Setting(
            key: "socket.drain_seconds", kind: .whole(0...600), defaultValue: "5",
            help: "When the server stops, clients are asked to come back after delays spread over this time."),
        Setting(
            key: "socket.allowed_origins", kind: .text, defaultValue: nil,
            help: "Origins of web pages that may open sockets beside the server's own, with commas between; * is any."),
        Setting(
            key: "push.provider", kind: .choice(["log", "none"]), defaultValue: "log",
            help: "log writes a JSON line for each notification that no push service takes; none queues no push jobs at all."),
        Setting(
            key: "push.second_look_seconds", kind: .whole(1...3600), defaultValue: "60",
            help: "Seconds after a user's last connection has ended until messages that it may not have shown are notified."),
        Setting(
            key: "push.webpush.key_file", kind: .text, defaultValue: nil,
            help: "PEM file with the private key of Web Push, on the curve P-256. Embedded, one is made in the data folder when this "
                + "is not set; a cluster sends no Web Push without it. See docs/WEBPUSH.md."),
        Setting(
            key: "push.webpush.contact", kind: .text, defaultValue: nil,
            help: "mailto: or https: address where push services reach whoever runs this server; needed with push.webpush.key_file."),
        Setting(
            key: "push.webpush.hosts", kind: .text, defaultValue: nil,
            help: "Hosts of push services that browsers may name, with commas between; *.example.com is all below it. Any when not set."),
        Setting(
            key: "push.webpush.endpoints", kind: .choice(["public", "private"]), defaultValue: "public",
            help: "private lets browsers name push services on this machine and in its network too: for tests, never in the internet."),
        Setting(
            key: "push.log_file", kind: .text, defaultValue: "-", help: "File of the log provider; - is standard output."),
        Setting(
            key: "push.privacy", kind: .choice(PushPrivacy.allCases.map(\.rawValue)), defaultValue: PushPrivacy.full.rawValue,
            help: "What push services are told at most: sender and preview, the sender, or nothing but ids. A user may want less."),
        Setting(
            key: "push.apns.key_file", kind: .text, defaultValue: nil,
            help: "The .p8 file of an Apple key for APNs; switches notifications to Apple devices on. See docs/PUSH.md."),
        Setting(key: "push.apns.key_id", kind: .text, defaultValue: nil, help: "That key's id, 10 characters."),
        Setting(key: "push.apns.team_id", kind: .text, defaultValue: nil, help: "The id of the Apple developer team, 10 characters."),
        Setting(key: "push.apns.topic", kind: .text, defaultValue: nil, help: "The app's bundle id."),
        Setting(
            key: "push.apns.environment", kind: .choice(["production", "sandbox"]), defaultValue: "production",
            help: "sandbox is for apps that Xcode has put on a device."),
        Setting(
            key: "push.apns.localization_key", kind: .text, defaultValue: nil,
            help: "Key of the app's own text for alerts whose text is not told to Apple; its argument is the number of messages."),
        Setting(
            key: "push.apns.url", kind: .url(["https"]), defaultValue: nil, help: "Takes the place of Apple's address, for a proxy."),
        Setting(
            key: "push.fcm.service_account_file", kind: .text, defaultValue: nil,
            help: "The JSON file of a Google service account; switches notifications through FCM on. See docs/PUSH.md."),
        Setting(
            key: "push.fcm.form", kind: .choice(["notification", "data"]), defaultValue: "notification",
            help: "notification lets Android show alerts, data leaves the showing to the app."),
        Setting(key: "push.fcm.channel_id", kind: .text, defaultValue: nil, help: "The Android app's notification channel."),
        Setting(
            key: "push.fcm.localization_key", kind: .text, defaultValue: nil,
            help: "Key of the app's own text for alerts whose text is not told to Google; its argument is the number of messages."),
        Setting(
            key: "push.fcm.url", kind: .url(["https"]), defaultValue: nil, help: "Takes the place of Google's address, for a proxy."),
        Setting(
            key: "push.trusted_certificates_file", kind: .text, defaultValue: nil,
            help: "PEM file with certificates that are trusted beside the system's when push services are asked, for a proxy."),
    ]
}
