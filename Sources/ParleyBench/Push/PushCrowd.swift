import ParleyCore
import ParleyModel

/// Users with a device each, and conversations whose messages they are told of.
struct PushCrowd: Sendable {
    /// A conversation, and who is told of its messages: all but the sender.
    struct Place: Sendable {
        let conversation = ConversationID.random()
        let sender = UserID.random()
        let recipients: [UserID]
    }

    let devices: [Device]
    /// By the number of recipients.
    let places: [Int: [Place]]

    private static let registeredAtOnce = 256

    /// Users at one push service: with somebody each, in groups of some, and, where `large` is not 0, all of so many in one group.
    init(_ service: PushService, _ sizes: PushSizes, large: Int, subscriptions: [WebPushSubscription]) {
        let devices = (0..<max(sizes.users, large)).map { place in
            Device(
                id: .random(), userID: .random(), address: Self.address(service.deviceKind, place, subscriptions), name: nil,
                createdAt: Self.registeredAt)
        }
        let all = devices.map(\.userID)
        let users = all.prefix(sizes.users)
        let groups = stride(from: 0, to: users.count, by: sizes.groupRecipients).map { start in
            Place(recipients: Array(users[start..<min(start + sizes.groupRecipients, users.count)]))
        }
        self.devices = devices
        places = [1: users.map { Place(recipients: [$0]) }, sizes.groupRecipients: groups, large: [Place(recipients: all)]].filter {
            $0.key > 0
        }
    }

    /// Groups of users of two push services, half of each.
    init(mixed services: [PushService], _ sizes: PushSizes) {
        let devices = (0..<sizes.users).map { place in
            Device(
                id: .random(), userID: .random(), address: Self.address(services[place % services.count].deviceKind, place, []), name: nil,
                createdAt: Self.registeredAt)
        }
        self.devices = devices
        let groups = stride(from: 0, to: devices.count, by: sizes.groupRecipients).map { start in
            Place(recipients: devices[start..<min(start + sizes.groupRecipients, devices.count)].map(\.userID))
        }
        places = [sizes.groupRecipients: groups]
    }

    private static let registeredAt = Timestamp(milliseconds: 1_700_000_000_000)

    private static func address(_ kind: DeviceKind, _ place: Int, _ subscriptions: [WebPushSubscription]) -> PushAddress {
        let digits = (0..<4).map { _ in UserID.random().description.replacing("-", with: "") }.joined()
        return switch kind {
        case .apns: .apns(token: String(digits.prefix(64)))
        case .fcm: .fcm(token: "bench:" + digits)
        case .webpush: .webPush(subscriptions[place % subscriptions.count])
        }
    }

    /// Writes the conversations and the devices down.
    func seed(_ stores: PushStores) async throws {
        for place in places.values.joined() {
            try Task.checkCancellation()
            try await stores.conversations.createGroup(
                id: place.conversation, title: "benchmark", creator: place.sender, others: place.recipients, at: Self.registeredAt)
        }
        for start in stride(from: 0, to: devices.count, by: Self.registeredAtOnce) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for device in devices[start..<min(start + Self.registeredAtOnce, devices.count)] {
                    group.addTask { _ = try await stores.devices.register(device, maxPerUser: 1) }
                }
                try await group.waitForAll()
            }
        }
    }
}
