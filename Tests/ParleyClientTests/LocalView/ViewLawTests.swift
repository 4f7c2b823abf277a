import ParleyClient
import ParleyModel
import Testing

/// The view law, over histories made from a seed: whenever the snapshot is read, and however the events beside messages
/// are delayed, repeated or hurried, in the end the local view equals a fresh snapshot.
struct ViewLawTests {
    @Test(arguments: 1...300 as ClosedRange<UInt64>)
    func `snapshot and events equal a fresh snapshot`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var server = ServerModel()
        var events: [Event] = []
        var snapshot: ConversationView?
        let readAt = Int.random(in: 0..<60, using: &random)
        for step in 0..<60 {
            if step == readAt { snapshot = server.view }
            events.append(server.step(&random))
        }
        var local = LocalView(user: me)
        let told = Self.disturbed(events, &random)
        let begin = Int.random(in: readAt...60, using: &random)
        for (place, event) in told.enumerated() {
            if place == begin { local.begin(with: [snapshot!]) }
            local.apply(event)
        }
        if !local.hasBegun { local.begin(with: [snapshot!]) }
        #expect(local.conversation(home) == server.view)
    }

    /// Messages keep their order; every other event moves by up to five places, and one in five is told twice.
    private static func disturbed(_ events: [Event], _ random: inout SeededRandom) -> [Event] {
        var placed: [(place: Double, event: Event)] = []
        for (place, event) in events.enumerated() {
            if case .message = event {
                placed.append((Double(place), event))
                continue
            }
            // Mutes and levels keep their order among themselves: they carry no number.
            switch event {
            case .mute, .notificationLevel:
                placed.append((Double(place) + 0.5, event))
                continue
            default: break
            }
            for _ in 0...(Int.random(in: 0..<5, using: &random) == 0 ? 1 : 0) {
                placed.append((Double(place) + Double.random(in: -5...5, using: &random), event))
            }
        }
        return placed.sorted { $0.place < $1.place }.map(\.event)
    }
}

/// One conversation as its server keeps it.
private struct ServerModel {
    private var senders: [UserID] = []
    private var read: Int64 = 0
    private var title: String? = "Home"
    private var version: Int64 = 1
    private var count: Int64 = 3
    private var role = Role.member
    private var mute = Mute.off
    private var level = NotificationLevel.all

    private var last: Int64 { Int64(senders.count) }
    private var unread: Int64 { Int64(senders[Int(read)...].count { $0 != me }) }

    var view: ConversationView {
        ParleyClientTests.view(
            last: last, read: read, unread: unread, version: version, title: title, count: count, role: role, mute: mute, level: level)
    }

    mutating func step(_ random: inout SeededRandom) -> Event {
        switch Int.random(in: 0..<11, using: &random) {
        case 0..<5:
            senders.append(Bool.random(using: &random) ? me : ben)
            return .message(message(last, from: senders.last!))
        case 5, 6:
            read = Int64.random(in: read...last, using: &random)
            return ownRead(read, unread: unread, last: last)
        case 7:
            version += 1
            title = "Title \(version)"
            return .conversation(.updated(home, ConversationStamp(version: version, title: title, participantCount: count)))
        case 8:
            version += 1
            role = Bool.random(using: &random) ? .admin : .member
            return participantEvent(.role, me, role, count: count, version: version)
        case 9:
            level = NotificationLevel.allCases.randomElement(using: &random) ?? .all
            return .notificationLevel(home, level)
        default:
            mute = Bool.random(using: &random) ? .forever : .off
            return .mute(home, MuteState(mute, at: start))
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
