import ParleyCopy
import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyRabbitMQ
import ParleyStores
import ParleyTesting
import Synchronization
import Testing

/// A folder with some of everything is copied into real engines.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct CopyTests {
    /// Small, so that a small folder takes many steps.
    static var small: CopySizes {
        var sizes = CopySizes()
        sizes.messages = 40
        sizes.conversations = 3
        sizes.participants = 8
        sizes.rows = 3
        sizes.pushJobs = 2
        return sizes
    }

    static func copier(
        _ folder: SampleFolder, _ cluster: TestCluster, sizes: CopySizes = small, hook: @escaping CopyHook = { _ in }
    ) -> Copier {
        Copier(folder: folder.path, target: cluster.target, sizes: sizes, logger: TestCluster.logger, hook: hook)
    }

    @Test(arguments: [small, CopySizes()])
    func `everything is there afterwards, and a second run changes nothing`(_ sizes: CopySizes) async throws {
        try await withSeed { random in
            let (folder, world) = try await Self.filled(steps: 300, &random)
            try await TestCluster.with { cluster in
                let summary = try await Self.copier(folder, cluster, sizes: sizes).run()
                #expect(summary.end == .finished && summary.passes == 1)
                #expect(summary.counts.pushJobs == 6 && summary.counts.deadLetters == 3)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
                #expect(try await cluster.sql("SELECT count(*) > 5 FROM push_alerts") == "t")
                #expect(
                    try await cluster.sql("SELECT count(*) > 5 AND count(*) = count(due_at) AND bool_or(due_at > since) FROM attendances")
                        == "t")
                let before = try await Self.fingerprint(cluster)
                let again = try await Self.copier(folder, cluster, sizes: sizes).run()
                #expect(again.end == .finished && again.counts.changes == 0)
                #expect(try await Self.fingerprint(cluster) == before)
                try await Self.expectJobs(folder, cluster)
            }
        }
    }

    @Test func `killed anywhere, again and again, it goes on and ends right, and nobody ever sees a hole`() async throws {
        try await withSeed { random in
            let (folder, world) = try await Self.filled(steps: 200, &random)
            try await TestCluster.with { cluster in
                var kills = 0
                while true {
                    // Each life is longer than the one before it could be: what is compared anew each time needs its steps too.
                    let left = Mutex(random.number(1...10 * (kills + 2)))
                    do {
                        let summary = try await Self.copier(folder, cluster) { _ in
                            let isOver = left.withLock { left in
                                left -= 1
                                return left == 0
                            }
                            if isOver { throw Killed() }
                        }.run()
                        #expect(summary.end == .finished)
                        break
                    } catch is Killed {
                        kills += 1
                    }
                    let report = try await cluster.verify()
                    #expect(report.findings == [])
                }
                #expect(kills > 0)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
                try await Self.expectJobs(folder, cluster)
            }
        }
    }

    @Test(arguments: CopyStep.allCases)
    func `killed at each kind of step it goes on`(_ step: CopyStep) async throws {
        try await withSeed { random in
            let (folder, world) = try await Self.filled(steps: 120, &random)
            try await TestCluster.with { cluster in
                await #expect(throws: Killed.self) {
                    _ = try await Self.copier(folder, cluster) { if $0 == step { throw Killed() } }.run()
                }
                #expect(try await cluster.verify().findings == [])
                #expect(try await Self.copier(folder, cluster).run().end == .finished)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
                try await Self.expectJobs(folder, cluster)
            }
        }
    }

    @Test func `beside a server that writes, what came meanwhile is brought by the last run`() async throws {
        try await withSeed { random in
            let (folder, start) = try await Self.filled(steps: 150, &random)
            try await TestCluster.with { cluster in
                let world = try await folder.serve { stores in
                    let world = Mutex(start)
                    let generator = Mutex(SeededGenerator(seed: random.next()))
                    let served = try await Self.copier(folder, cluster) { step in
                        // The server goes on whenever the copy has done something.
                        guard step != .begun else { return }
                        var (now, random) = (world.withLock { $0 }, generator.withLock { $0 })
                        for _ in 0..<3 { try await now.step(stores, &random) }
                        if step == .passed { try await now.addConversation(stores) }
                        world.withLock { $0 = now }
                        generator.withLock { $0 = random }
                    }.run()
                    #expect(served.end == .stillServed)
                    #expect(try await cluster.verify().findings == [])
                    return world.withLock { $0 }
                }
                let last = try await Self.copier(folder, cluster).run()
                #expect(last.end == .finished && last.counts.changes > 0)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
            }
        }
    }

    @Test func `a folder that is served again after all is copied again`() async throws {
        try await withSeed { random in
            var (folder, world) = try await Self.filled(steps: 60, &random)
            try await TestCluster.with { cluster in
                for _ in 0..<3 {
                    #expect(try await Self.copier(folder, cluster).run().end == .finished)
                    let database = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: TestCluster.logger)
                    for _ in 0..<30 { try await world.step(SampleStores(database), &random) }
                    try await world.lookAndLeaveAgain(SampleStores(database).attendances)
                    // By a clock that is ahead of PostgreSQL's.
                    let later = SystemTimeSource().now().advanced(bySeconds: 600)
                    for user in world.users {
                        _ = try await SampleStores(database).conversations.setMute(
                            .forever, for: user, in: world.conversations[0], at: later)
                    }
                    database.close()
                }
                #expect(try await Self.copier(folder, cluster).run().end == .finished)
                try await folder.serve { try await Comparison(world: world, source: $0, target: cluster).run() }
            }
        }
    }

    @Test func `what a killed server left undone is left to the first node`() async throws {
        try await withSeed { random in
            let (folder, _) = try await Self.filled(steps: 60, &random)
            try await TestCluster.with { cluster in
                _ = try await Self.copier(folder, cluster).run()
                let lapsed = try await PostgresNodeRegister(cluster.postgres).takeOver(by: .random(), seconds: 10)
                let found = try #require(lapsed)
                let due = try await folder.serve { stores in
                    try await stores.messages.messages(after: stores.messages.checkpoint(), limit: 10).map(\.message.id)
                }
                #expect(due.count == 3)
                #expect(due.allSatisfy { $0.node == found.node && $0.second >= found.dueFrom })
            }
        }
    }

    // MARK: Support

    struct Killed: Error {}

    static func filled(steps: Int, _ random: inout SeededGenerator) async throws -> (SampleFolder, SampleWorld) {
        let folder = try SampleFolder()
        var world = SampleWorld()
        let database = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: TestCluster.logger)
        defer { database.close() }
        try await world.fill(SampleStores(database), steps: steps, &random)
        return (folder, world)
    }

    /// All rows and documents as they are.
    static func fingerprint(_ cluster: TestCluster) async throws -> [String] {
        var found: [String] = []
        for table in [
            "conversations", "conversation_sequences", "participants", "departures", "media", "devices", "token_revocations",
            "node_checkpoints", "notification_settings", "push_devices", "push_alerts", "push_shown", "push_take_backs",
            "attendances",
        ] {
            found.append(try await cluster.sql("SELECT xmin, ctid, * FROM \(table) ORDER BY ctid"))
        }
        found.append(try await cluster.sql("SELECT source_id, message_position, push_job_id, dead_letter_id FROM parley_copies"))
        found.append("\(try await cluster.queue.depth())")
        return found
    }

    /// All jobs that wait are in the queue, with their attempts; a kill may have queued some twice.
    static func expectJobs(_ folder: SampleFolder, _ cluster: TestCluster) async throws {
        let waiting = try await folder.serve { try await SQLiteCopySource($0.database).pushJobs(after: PushJobID(0)) }
        #expect(waiting.count == 6)
        let leases = try await cluster.queue.lease(limit: 100, seconds: 60, at: SystemTimeSource().now())
        let due = waiting.filter { $0.dueAt.map { $0 < SystemTimeSource().now() } ?? true }
        #expect(due.count == 5)
        #expect(
            Set(leases.map { "\($0.job) \($0.attempt)" }) == Set(due.map { "\($0.job) \($0.attempts + 1)" }),
            "those that wait for their next try are in a queue of their own")
        #expect(try await cluster.queue.depth().dead == 3)
        #expect(try await cluster.queue.depth().pending >= 6)
    }
}

extension SampleWorld {
    mutating func addConversation(_ stores: SampleStores) async throws {
        let id = ConversationID.random()
        try await stores.conversations.createGroup(id: id, title: "new", creator: users[0], others: [users[1]], at: tick())
        conversations.insert(id, at: 0)
    }

    /// One who has gone is looked at and so forgotten, and one who has not goes.
    mutating func lookAndLeaveAgain(_ store: SQLiteAttendanceStore) async throws {
        let looks = try await store.leaseLooks(limit: 1, seconds: 60, at: SystemTimeSource().now())
        #expect(looks.count == 1)
        try await store.finishLooks(looks.map { ($0, .done) })
        let (node, since, seen) = (NodeID(0xA1), tick(), tick())
        try await store.began([users[2]], at: node, since: since)
        try await store.ended([EndedAttendance(userID: users[2], since: since, seenUntil: seen)], at: node, dueAt: tick())
    }
}
