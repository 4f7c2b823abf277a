import Logging
import ParleyCore
import ParleyModel
import ParleyPush
import ParleyWebPush
import ServiceLifecycle

/// Web Push as the settings say: its key, which push services are sent to, and the provider.
struct WebPushWiring {
    /// What browsers subscribe with. Nil when nothing is sent to them.
    let publicKey: String?
    /// The check of each subscription follows: without TLS only this machine is reached.
    let endpointSchemes: [String]
    let checkSubscription: DeviceService.SubscriptionCheck
    private let provider: WebPushProvider?

    /// - Parameter sends: Whether this process sends notifications; those that only register devices tell the key all the same.
    init(_ settings: Settings, sends: Bool, _ time: any TimeSource, _ logger: Logger) throws {
        let rule = try Self.rule(settings)
        endpointSchemes = rule.allowsPrivate ? ["https", "http"] : ["https"]
        checkSubscription = { subscription throws(ParleyError) in try rule.check(subscription) }
        let contact = try Self.contact(settings)
        let key = settings.text("push.provider") == "none" ? nil : try Self.key(settings)
        publicKey = key?.publicKey
        provider = key.flatMap { sends ? WebPushProvider(key: $0, contact: contact, rule: rule, time: time, logger: logger) : nil }
    }

    var providers: [any PushProvider] { provider.map { [$0] } ?? [] }
    /// To be stopped after the worker.
    var services: [any Service] { provider.map { [$0] } ?? [] }

    /// For commands; a server lets its services end.
    func close() async { try? await provider?.shutDown() }

    private static func rule(_ settings: Settings) throws -> EndpointRule {
        let hosts = (settings.optional("push.webpush.hosts") ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
        // A host that no endpoint can have would let nobody subscribe, and nobody would know why.
        if let wrong = hosts.first(where: { !EndpointRule.isHostPattern($0) }) {
            throw Failure(
                "push.webpush.hosts must be names of hosts with commas between, like fcm.googleapis.com or *.push.apple.com, but one is "
                    + "\"\(wrong)\".")
        }
        return EndpointRule(allowsPrivate: settings.text("push.webpush.endpoints") == "private", allowedHosts: hosts)
    }

    /// Embedded, no setting is needed. The nodes of a cluster need the same key, so it is not for one of them to make it.
    private static func key(_ settings: Settings) throws -> VAPIDKey? {
        if let path = settings.optional("push.webpush.key_file") {
            do { return try VAPIDKeyFile.read(path) } catch { throw Failure("push.webpush.key_file: \(error)") }
        }
        guard !settings.isCluster else { return nil }
        do {
            return try VAPIDKeyFile.readOrMake(inFolder: settings.text("data"))
        } catch {
            throw Failure("The key of Web Push: \(error)")
        }
    }

    static func contact(_ settings: Settings) throws(Failure) -> VAPIDContact? {
        guard let text = settings.optional("push.webpush.contact") else {
            // A key of its own is meant for real browsers, and Apple's push service refuses tokens without a contact.
            guard settings.optional("push.webpush.key_file") == nil else {
                throw Failure(
                    "push.webpush.contact is not set: push services want a mailto: or https: address of whoever runs this server, beside "
                        + "push.webpush.key_file.")
            }
            return nil
        }
        guard let contact = VAPIDContact(text) else {
            throw Failure(
                "push.webpush.contact must be an address like mailto:push@example.com or https://example.com/contact, but is \"\(text)\".")
        }
        return contact
    }
}
