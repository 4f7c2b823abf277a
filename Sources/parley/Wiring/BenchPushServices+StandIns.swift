import Foundation
import Logging
import ParleyBench
import ParleyCore
import ParleyModel
import ParleyPush
import ParleyPushServices
import ParleyStores
import ParleyWebPush

extension PushTarget {
    /// The stores of embedded mode, and the providers that `serve` has, at stand-ins of this program.
    static var embedded: PushTarget {
        PushTarget(
            standIns: ["bench-push-stand-ins"], openStores: { folder in try PushStores.embedded(folder) },
            services: { folder in try BenchPushServices(standInsIn: folder) })
    }
}

extension PushStores {
    fileprivate static func embedded(_ folder: String) throws -> PushStores {
        var logger = Logger(label: "parley.bench")
        logger.logLevel = .warning
        let database = try SQLiteDatabase(folder: folder, access: .exclusive, logger: logger)
        return PushStores(
            queue: SQLitePushQueue(database), ledger: SQLitePushLedger(database), conversations: SQLiteConversationStore(database),
            settings: SQLiteNotificationSettingsStore(database), devices: SQLiteDeviceStore(database), close: { database.close() })
    }
}

extension BenchPushServices {
    /// What ``BenchStandIns`` has written there.
    fileprivate init(standInsIn folder: String) throws {
        let description = try Description(folder)
        self.init(
            subscriptions: description.subscriptions,
            open: { service, logFile in
                switch service {
                case .log: OpenedPushProvider(try LogPushProvider(path: logFile, time: SystemTimeSource()))
                case .apns: try description.apns()
                case .fcm, .stalledFCM: try description.fcm(service)
                case .webpush: description.webPush()
                }
            })
    }
}

/// How the stand-ins are reached.
private struct Description: Sendable {
    private let folder: String
    private let members: JSONObject
    private let trustRoots: String
    private let vapidKey = VAPIDKey.random()
    private let time = SystemTimeSource()

    init(_ folder: String) throws {
        let ready = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(PushStandInCounts.readyFile)"))
        guard case .object(let members) = try JSONParser.parse(Array(ready)) else {
            throw Failure("The stand-ins for push services have not said how they are reached.")
        }
        self.folder = folder
        self.members = members
        trustRoots = try KeyFile.text(at: "\(folder)/trusted.pem")
    }

    private func text(_ name: String) -> String { if case .string(let text)? = members[name] { text } else { "" } }

    var subscriptions: [WebPushSubscription] {
        guard case .array(let subscriptions)? = members["subscriptions"] else { return [] }
        return subscriptions.compactMap { subscription in
            guard case .object(let subscription) = subscription, case .string(let endpoint)? = subscription["endpoint"],
                case .object(let keys)? = subscription["keys"], case .string(let p256dh)? = keys["p256dh"],
                case .string(let auth)? = keys["auth"]
            else { return nil }
            return WebPushSubscription(endpoint: endpoint, p256dh: p256dh, auth: auth)
        }
    }

    func apns() throws -> OpenedPushProvider {
        let configuration = try APNsConfiguration(
            key: APNsKey(file: "\(folder)/apns.p8"), keyID: text("apns_key_id"), teamID: text("apns_team_id"), topic: text("apns_topic"),
            url: text("apns_url"))
        let client = try PushHTTPClient(limits: configuration.limits, trustRoots: trustRoots)
        let provider = APNsPushProvider(configuration, client: client, time: time)
        return OpenedPushProvider(provider, bareCalls: { await provider.bareCalls(of: $0) }, close: { await client.close() })
    }

    func fcm(_ service: PushService) throws -> OpenedPushProvider {
        let account = try FCMServiceAccount(file: "\(folder)/\(service.rawValue).json")
        let configuration = try FCMConfiguration(account: account, url: text("\(service.rawValue)_url"))
        let client = try PushHTTPClient(limits: configuration.limits, trustRoots: trustRoots)
        return OpenedPushProvider(FCMPushProvider(configuration, client: client, time: time), close: { await client.close() })
    }

    func webPush() -> OpenedPushProvider {
        let provider = WebPushProvider(
            key: vapidKey, contact: VAPIDContact("mailto:bench@example.org"), rule: EndpointRule(allowsPrivate: true), time: time,
            logger: Logger(label: "parley.bench"))
        return OpenedPushProvider(provider, close: { try? await provider.shutDown() })
    }
}
