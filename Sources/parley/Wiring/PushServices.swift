import ParleyCore
import ParleyPush
import ParleyPushServices

/// The push services that the settings switch on, each by its key file.
struct PushServices {
    private(set) var providers: [any PushProvider] = []
    /// Services: they run before whoever sends, and end after it.
    private(set) var clients: [PushHTTPClient] = []

    /// Reads the key files. Throws a sentence that names the setting.
    init(_ settings: Settings, time: any TimeSource) throws(Failure) {
        let trustRoots = try Self.trustRoots(settings)
        if let path = settings.optional("push.apns.key_file") {
            let configuration = try Self.apns(settings, path)
            let client = try Self.client(configuration.limits, trustRoots)
            clients.append(client)
            providers.append(APNsPushProvider(configuration, client: client, time: time))
        }
        if let path = settings.optional("push.fcm.service_account_file") {
            let configuration = try Self.fcm(settings, path)
            let client = try Self.client(configuration.limits, trustRoots)
            clients.append(client)
            providers.append(FCMPushProvider(configuration, client: client, time: time))
        }
    }

    /// For commands; a server lets its services end.
    func close() async {
        for client in clients { await client.close() }
    }

    static func trustRoots(_ settings: Settings) throws(Failure) -> String? {
        guard let path = settings.optional("push.trusted_certificates_file") else { return nil }
        return try setting("push.trusted_certificates_file") { () throws(PushKeyError) in
            let text = try KeyFile.text(at: path)
            try PushHTTPClient.check(trustRoots: text)
            return text
        }
    }

    static func client(_ limits: PushServiceLimits, _ trustRoots: String?) throws(Failure) -> PushHTTPClient {
        try setting("push.trusted_certificates_file") { () throws(PushKeyError) in
            try PushHTTPClient(limits: limits, trustRoots: trustRoots)
        }
    }

    static func apns(_ settings: Settings, _ path: String) throws(Failure) -> APNsConfiguration {
        let key = try setting("push.apns.key_file") { () throws(PushKeyError) in try APNsKey(file: path) }
        var configuration = try setting("push.apns") { () throws(PushKeyError) in
            try APNsConfiguration(
                key: key, keyID: settings.text("push.apns.key_id"), teamID: settings.text("push.apns.team_id"),
                topic: settings.text("push.apns.topic"),
                environment: APNsConfiguration.Environment(rawValue: settings.text("push.apns.environment")) ?? .production,
                url: settings.optional("push.apns.url"))
        }
        configuration.genericAlert = try genericAlert(settings, "push.apns.localization_key")
        return configuration
    }

    static func fcm(_ settings: Settings, _ path: String) throws(Failure) -> FCMConfiguration {
        let account = try setting("push.fcm.service_account_file") { () throws(PushKeyError) in try FCMServiceAccount(file: path) }
        var configuration = try setting("push.fcm") { () throws(PushKeyError) in
            try FCMConfiguration(account: account, url: settings.optional("push.fcm.url"))
        }
        configuration.form = FCMConfiguration.Form(rawValue: settings.text("push.fcm.form")) ?? .notification
        configuration.channelID = try settings.optional("push.fcm.channel_id").map { id throws(Failure) in
            try setting("push.fcm.channel_id") { () throws(PushKeyError) in try FCMConfiguration.checkedChannel(id) }
        }
        configuration.genericAlert = try genericAlert(settings, "push.fcm.localization_key")
        return configuration
    }

    private static func genericAlert(_ settings: Settings, _ key: String) throws(Failure) -> GenericAlert {
        try setting(key) { () throws(PushKeyError) in try GenericAlert(checkedKey: settings.optional(key)) }
    }

    /// A complaint about a key is one about the setting that names it.
    private static func setting<Value>(_ key: String, _ body: () throws(PushKeyError) -> Value) throws(Failure) -> Value {
        do { return try body() } catch { throw Failure("\(key): \(error).") }
    }
}
