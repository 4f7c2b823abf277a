import Logging
import ParleyCore
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyPush

/// Ten thousand users who write, read, mute, come and go, and buy and lose phones, while push services fail and lose answers,
/// jobs come twice, and workers die in the middle. One seed and a hand-moved clock; afterwards the laws must hold:
///
/// - no alert of what was read, muted or quiet before the batch began, or of somebody who is at a connection;
/// - one alert for each message and device, and one more for each answer that was lost;
/// - nobody is forgotten;
/// - badges are what is unread, and what was read is taken back;
/// - devices that are gone are forgotten, those that came back are not.
struct PushSimulationTests {
    static let users = 10_000
    static let rounds = 60

    @Test(.ownThread, .timeLimit(.minutes(5)), arguments: [1, 2])
    func `ten thousand users are told right, whatever fails`(seed: UInt64) async throws {
        let simulation = Simulation(seed: seed)
        simulation.populate(users: Self.users)
        for round in 0..<Self.rounds { try await simulation.live(round) }
        try await simulation.settleDown()
        simulation.nobodyIsForgotten()

        // Everybody is told once more, so that each device has a number of now, and then half of them read everything.
        try await simulation.writeToEverybody()
        simulation.badgesAreRight()
        for user in 0..<Self.users / 2 { simulation.readEverything(user) }
        try await simulation.settleDown()
        simulation.badgesAreRight()
        simulation.nothingReadIsShown()
        simulation.deadDevicesAreForgotten()

        let state = simulation.world.facts.state.withLock { $0 }
        #expect(state.violations.isEmpty, "seed \(seed): \(state.violations.count) violations, \(state.violations.prefix(10))")
        // That it all happened.
        #expect(state.alertCount > 20_000)
        #expect(state.collapsedCount > 500)
        #expect(state.takenBackCount > 1000)
        #expect(state.lost.count > 100)
        #expect(state.rejected.count > 10)
        #expect(simulation.deaths > 5)
        #expect(simulation.world.queue.diedCount > 0)
    }
}

private final class Simulation {
    let world: PushWorld
    private var chance: Chance
    private(set) var deaths = 0

    init(seed: UInt64) {
        world = PushWorld(seed: seed)
        chance = Chance(seed)
    }

    func populate(users: Int) {
        world.facts.state.withLock { state in
            state.conversationsOf = Array(repeating: [], count: users)
            state.phonesOf = Array(repeating: [], count: users)
            // First one that everybody is in; in the simulated life nothing is written there.
            let sizes = [users] + (0..<4000).map { _ in chance.happens(0.8) ? 2 : chance.happens(0.95) ? 3 + chance.below(12) : 100 }
            for size in sizes {
                let participants = size == users ? Array(0..<users) : Array(Set((0..<size).map { _ in chance.below(users) })).sorted()
                for user in participants { state.conversationsOf[user].append(state.conversations.count) }
                state.conversations.append(PushWorld.Conversation(participants: participants))
            }
            state.quiet = Set((0..<users).filter { !PushWorld.isPlain($0) && $0 % 50 == 3 })
        }
        for user in 0..<users {
            for _ in 0..<chance.below(3) { world.addPhone(of: user, address()) }
        }
    }

    private func address() -> (String) -> PushAddress {
        switch chance.below(5) {
        case 0: { .webPush(WebPushSubscription(endpoint: $0, p256dh: "p", auth: "a")) }
        case 1: { .fcm(token: $0) }
        default: { .apns(token: $0) }
        }
    }

    // MARK: Life

    func live(_ round: Int) async throws {
        world.facts.state.withLock { $0.isDown = (20..<36).contains(round) }
        try await write()
        read()
        change()
        world.time.advance(bySeconds: Double(chance.below(15_000)) / 1000)
        // Every third worker dies, some of them soon.
        let dies = chance.happens(0.33)
        let life = WorkerLife(notifications: dies ? 1 + chance.below(chance.happens(0.5) ? 20 : 500) : nil)
        let worker = worker(life)
        for _ in 0..<3 { try await work(worker, life) }
        if life.isDead {
            world.died(life)
            deaths += 1
        }
    }

    private func write() async throws {
        for _ in 0..<25 {
            let conversation = 1 + chance.below(4000)
            let participants = world.facts.state.withLock { $0.conversations[conversation].participants }
            for _ in 0..<(chance.happens(0.2) ? 1 + chance.below(8) : 1) {
                try await world.send(from: participants[chance.below(participants.count)], in: conversation)
            }
        }
    }

    private func read() {
        // Where something has been written, since else there is nothing to read.
        let written = world.facts.state.withLock { state in state.conversations.indices.filter { !state.conversations[$0].messages.isEmpty }
        }
        for _ in 0..<150 {
            let conversation = written[chance.below(written.count)]
            let participants = world.facts.state.withLock { $0.conversations[conversation].participants }
            world.read(participants[chance.below(participants.count)], in: conversation)
        }
    }

    private func change() {
        let users = PushSimulationTests.users
        for _ in 0..<300 {
            let user = chance.below(users)
            guard !PushWorld.isPlain(user) else { continue }
            let kind = chance.below(3)
            let pick = chance.below(1000)
            world.facts.state.withLock { state in
                let conversations = state.conversationsOf[user]
                let place = PushWorld.Place(user: user, conversation: conversations[pick % conversations.count])
                switch kind {
                case 0: state.mutes.formSymmetricDifference([place])
                case 1: state.silenced.formSymmetricDifference([place])
                default: state.attended.formSymmetricDifference([user])
                }
            }
        }
        let count = world.facts.state.withLock { $0.phones.count }
        for _ in 0..<60 { world.uninstall(chance.below(count)) }
        for phone in 0..<count where chance.happens(0.01) { world.reinstall(phone) }
        for _ in 0..<10 { world.addPhone(of: chance.below(users), address()) }
    }

    private func worker(_ life: WorkerLife) -> PushWorker {
        var configuration = PushWorker.Configuration()
        // Several portions at once, which share the bursts of conversations.
        configuration.portionRecipients = 100
        // So that there are many leases, for workers to die with.
        configuration.batchSize = 64
        configuration.recordAttempts = 1
        configuration.takeBackBatch = 1000
        return PushWorker(
            queue: LivingQueue(queue: world.queue, life: life), ledger: LivingLedger(ledger: world.ledger, life: life),
            conversations: world, settings: world, presence: world, devices: world,
            providers: [
                SimulatedProvider(name: "phones", deviceKinds: [.apns, .fcm], takesReads: true, world: world, life: life),
                SimulatedProvider(name: "browsers", deviceKinds: [.webpush], takesReads: false, world: world, life: life),
            ], time: world.time, configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            jitter: { 0.5 })
    }

    private func work(_ worker: PushWorker, _ life: WorkerLife) async throws {
        world.beginBatch()
        do { _ = try await worker.workBatch() } catch  where life.isDead { return }
        world.beginBatch()
        do { _ = try await worker.workTakeBacks() } catch  where life.isDead { return }
    }

    // MARK: The end

    /// Nothing fails any more; goes on until nothing is due.
    func settleDown() async throws {
        world.facts.state.withLock { state in
            state.isFaulty = false
            state.isDown = false
        }
        let life = WorkerLife(notifications: nil)
        let worker = worker(life)
        var turns = 0
        while true {
            while let next = [world.queue.nextDue, world.ledger.nextDue].compactMap({ $0 }).min() {
                world.time.advance(bySeconds: max(0, next.seconds(since: world.time.now())))
                try await work(worker, life)
                turns += 1
                guard turns < 10_000 else {
                    Issue.record("it does not settle down: next \(next), now \(world.time.now()), due \(world.ledger.dueCount)")
                    return
                }
            }
            if try await world.queue.replay(nil, at: world.time.now()) == 0 { return }
        }
    }

    func nobodyIsForgotten() {
        world.facts.state.withLock { state in
            for (number, conversation) in state.conversations.enumerated() {
                for (place, message) in conversation.messages.enumerated() {
                    let sequence = Int64(place + 1)
                    for user in conversation.participants where PushWorld.isPlain(user) && user != message.sender {
                        guard state.marker(user, number) < sequence else { continue }
                        for phone in state.phonesOf[user] {
                            let owned = state.phones[phone]
                            guard owned.boughtAt < message.at, owned.uninstalledAt == nil else { continue }
                            let alert = PushWorld.Alert(phone: phone, conversation: number, number: sequence)
                            guard state.deliveries[alert] == nil, !state.rejected.contains(alert) else { continue }
                            state.violations.append("nobody is forgotten: \(alert) of user \(user)")
                        }
                    }
                }
            }
        }
    }

    func writeToEverybody() async throws {
        world.facts.state.withLock { state in
            state.mutes = []
            state.silenced = []
            state.attended = []
            state.quiet = []
        }
        // Nobody sends it to themselves.
        for sender in 0...1 { try await world.send(from: sender, in: 0) }
        try await settleDown()
    }

    func readEverything(_ user: Int) {
        let conversations = world.facts.state.withLock { $0.conversationsOf[user] }
        for conversation in conversations { world.read(user, in: conversation) }
    }

    /// Browsers take no silent updates: theirs is right when they are next alerted.
    func badgesAreRight() {
        world.facts.state.withLock { state in
            for phone in state.phones where phone.isInstalled && phone.device.address.kind != .webpush {
                guard state.registered.contains(phone.device.id.index) else { continue }
                let total = state.total(phone.user)
                if phone.badge != total {
                    state.violations.append("badges are right: \(phone.device.id) shows \(String(describing: phone.badge)), not \(total)")
                }
            }
        }
    }

    /// Also what arrived without anybody's being told.
    func nothingReadIsShown() {
        world.facts.state.withLock { state in
            for (number, phone) in state.phones.enumerated() where phone.isInstalled && phone.device.address.kind != .webpush {
                guard state.registered.contains(number) else { continue }
                for (conversation, shown) in phone.shown {
                    for sequence in shown where sequence <= state.marker(phone.user, conversation) {
                        let alert = PushWorld.Alert(phone: number, conversation: conversation, number: sequence)
                        state.violations.append("what was read is taken back: \(alert)")
                    }
                }
            }
        }
    }

    /// Everybody was written to, so each device that is gone was found out.
    func deadDevicesAreForgotten() {
        world.facts.state.withLock { state in
            for (number, phone) in state.phones.enumerated() where phone.isInstalled != state.registered.contains(number) {
                state.violations.append("devices: \(number) is installed: \(phone.isInstalled)")
            }
        }
    }
}
