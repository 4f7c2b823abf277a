import ArgumentParser
import Logging
import ParleyCore
import ParleyModel
import ParleyPush
import ParleyStores

struct PushTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Send a notification to each device of a user, and print what the push services say.",
        discussion: "It is a real one and shows on the devices; nothing is stored. Ends with 1 unless every device's was accepted.")

    @Option(help: "The user's UUID.")
    var user: String

    @OptionGroup var options: SettingsOptions

    func validate() throws {
        if UserID(user) == nil { throw ValidationError("--user must be a UUID.") }
    }

    func run() async throws {
        guard let user = UserID(user) else { return }
        let settings = try await options.settings()
        let services = try PushServices(settings, time: SystemTimeSource())
        let webPush = try WebPushWiring(settings, sends: true, SystemTimeSource(), Logger(label: "parley.push"))
        var devices: [Device] = []
        do {
            try await Self.withDevices(settings) { devices = try await $0.devices(of: user) }
        } catch {
            await services.close()
            await webPush.close()
            throw error
        }
        let isWell = await Self.report(devices, services.providers + webPush.providers)
        await services.close()
        await webPush.close()
        guard isWell else { throw ExitCode(1) }
    }

    private static func withDevices(_ settings: Settings, _ body: (any DeviceStore) async throws -> Void) async throws {
        if let engines = try Engines(settings) { return try await engines.withDevices(body) }
        let database = try SQLiteDatabase(folder: settings.text("data"), access: .shared, logger: Logger(label: "parley.push"))
        defer { database.close() }
        try await body(SQLiteDeviceStore(database))
    }

    /// A line for each device. False unless all went well.
    private static func report(_ devices: [Device], _ providers: [any PushProvider]) async -> Bool {
        guard !devices.isEmpty else {
            print("The user has no devices: an app registers them with POST /v1/devices.")
            return false
        }
        var isWell = true
        for device in devices {
            let kind = device.address.kind
            let said: String
            if let provider = providers.first(where: { $0.deviceKinds.contains(kind) }) {
                let answer = await provider.send(notification(to: device, at: SystemTimeSource().now()))
                said = answer.sentence
                if case .accepted = answer {} else { isWell = false }
            } else {
                said = "no push service is set up for this kind of device; see docs/PUSH.md and docs/WEBPUSH.md"
                isWell = false
            }
            print("\(kind.rawValue) \(device.id)\(device.name.map { " (\($0))" } ?? ""): \(said)")
        }
        return isWell
    }

    /// Of a message that does not exist. The app's number stays as it is.
    private static func notification(to device: Device, at now: Timestamp) -> PushNotification {
        let id = MessageID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
        let message = PushMessage(
            messageID: id, conversationID: .random(), senderID: device.userID, sequenceNumber: nil, createdAt: now, title: "Parley",
            text: "This is a test.")
        return PushNotification(
            content: .message(message), recipientID: device.userID, device: device, badge: nil, expiresAt: now.advanced(bySeconds: 3600))
    }
}

extension PushAnswer {
    /// For the one who typed the command.
    var sentence: String {
        switch self {
        case .accepted(let id): "accepted\(id.map { ", as \($0)" } ?? "")"
        case .retry(let seconds, let reason): "not now\(seconds.map { ", again in \(Int($0.rounded(.up))) s" } ?? ""): \(reason)"
        case .unanswered(_, let reason): "it is not known whether it was sent: \(reason)"
        case .rejected(let reason): "rejected: \(reason)"
        case .deviceGone(let since): "the push service does not know the device any more\(since.map { ", since \($0)" } ?? "")"
        }
    }
}
