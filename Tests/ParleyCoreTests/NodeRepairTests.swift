import Logging
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCore

/// P5 with several nodes: whatever a node leaves undone, another does.
struct NodeRepairTests {
    @Test func `a node that died has its messages applied, told and notified by another`() async throws {
        let scene = try await NodeScene()
        let dead = scene.node()
        let stored = try await dead.storeWithoutEffects(3)
        await scene.register.renew(dead.id, dueFrom: dead.ledger.dueFrom(at: scene.second), seconds: 0)
        let events = ToldMessages()
        scene.bus.attach(events)

        try await scene.node().keeping { _ in
            try await eventually { await scene.pendingJobs() == 3 }
            try await eventually { events.count == 3 }
        }
        #expect(await scene.jobs().map(\.messageID) == stored.map(\.id))
        #expect(await scene.unread() == 3)
    }

    @Test func `metadata that a dead node left behind are applied, also where appending applies them`() async throws {
        let scene = try await NodeScene()
        let stored = try await scene.node().storeWithoutEffects(3)
        let applying = ApplyingMessages(store: scene.store)
        let redo = EffectRedo(
            applier: MetadataApplier(messages: applying, conversations: scene.store), media: scene.redo.media,
            publisher: scene.redo.publisher, jobs: scene.redo.jobs, metadataMayLag: true)
        #expect(await scene.unread() == 0)
        #expect(try await redo.redo(stored) { false })
        #expect(await scene.unread() == 3)
    }

    @Test func `a node that lives is left alone`() async throws {
        let scene = try await NodeScene()
        let living = scene.node()
        try await living.keeping { _ in
            _ = try await living.storeWithoutEffects(1)
            try await scene.node().keeping { _ in try await Task.sleep(for: .seconds(0.5)) }
        }
        #expect(await scene.pendingJobs() == 0)
    }

    @Test func `a message that a stopped node stored late is found at the last look, and no other is told twice`() async throws {
        let scene = try await NodeScene()
        let stopped = scene.node()
        _ = try await stopped.storeWithoutEffects(2)
        await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 0)
        try await scene.node(lastLook: 0.4).keeping { _ in
            try await eventually { await scene.pendingJobs() == 2 }
            _ = try await stopped.storeWithoutEffects(1)
            try await eventually { await scene.pendingJobs() == 3 }
            try await eventually { await !scene.register.nodes.contains(stopped.id) }
        }
        #expect(await scene.jobs().map(\.sequenceNumber) == [1, 2, 3])
    }

    @Test func `a node that came back is left to itself, and looked at no more`() async throws {
        let scene = try await NodeScene()
        let stopped = scene.node()
        _ = try await stopped.storeWithoutEffects(2)
        await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 0)
        try await scene.node(lastLook: 0.2).keeping { _ in
            try await eventually { await scene.pendingJobs() == 2 }
            await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 60)
            _ = try await stopped.storeWithoutEffects(1)
            try await Task.sleep(for: .seconds(0.6))
        }
        #expect(await scene.pendingJobs() == 2)
        #expect(await scene.register.nodes.contains(stopped.id))
    }

    @Test func `a create whose lease is lost while it is stored is told that its outcome is not known`() async throws {
        let scene = try await NodeScene()
        let handed = Mutex<[Message]>([])
        let lane = AppendLane(
            store: scene.store, timeSource: scene.time, instruments: MessageInstruments(),
            permit: AppendPermit(
                beforeStoring: { () async throws(StoreError) in },
                beforeAnswering: { _ async throws(StoreError) in throw .unavailable("the lease has ended") }, isUnknown: { _ in }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { stored, _ in handed.withLock { $0 += stored.map(\.enriched.message) } }
        async let running: Void = lane.run()
        let refusal = await #expect(throws: ParleyError.self) {
            _ = try await lane.append(Sample.draft(in: scene.conversation, from: scene.users[0]), media: [])
        }
        lane.close()
        try await running
        #expect(refusal?.detail.contains("outcome is not known") == true)
        #expect(handed.withLock { $0.map(\.sequenceNumber) } == [1])
    }

    @Test func `a node stores nothing while its lease has ended and cannot be had, and goes on when it can`() async throws {
        let scene = try await NodeScene()
        let register = SwitchedRegister(scene.register)
        let keeper = scene.keeper(scene.node(), register: register)
        try await keeper.requireLease()
        await register.set(isDown: true)
        try await Task.sleep(for: .seconds(NodeScene.leaseSeconds + 0.05))
        await #expect(throws: StoreError.self) { try await keeper.requireLease() }
        await register.set(isDown: false)
        try await keeper.requireLease()
    }

    @Test func `a node that stops leaves no entry, or one that others take up at once`() async throws {
        let scene = try await NodeScene()
        let done = scene.node()
        try await done.keeping { keeper in try await keeper.requireLease() }
        #expect(await !scene.register.nodes.contains(done.id))
        let busy = scene.node()
        try await busy.keeping { keeper in
            try await keeper.requireLease()
            _ = try await busy.storeWithoutEffects(1)
        }
        #expect(await scene.register.takeOver(by: .random(), seconds: 60)?.node == busy.id)
    }

    // MARK: What a node does by itself

    @Test func `the effects of what is stored are carried out, and nothing stays due`() async throws {
        let scene = try await NodeScene()
        let node = scene.node()
        try await node.working {
            for _ in 0..<5 { try await node.storeAndHandOver(10) }
            try await eventually { node.ledger.count == 0 }
        }
        #expect(await scene.jobs().map(\.sequenceNumber) == Array(1...50))
        #expect(await scene.unread() == 50)
    }

    @Test func `what memory cannot keep is read back`() async throws {
        let scene = try await NodeScene(inMemory: 7)
        let node = scene.node()
        try await node.storeAndHandOver(40)
        try await node.working { try await eventually { node.ledger.count == 0 } }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == Set(1...40))
    }

    @Test func `what could not be published is published when that works again, and notifications do not wait for it`() async throws {
        let scene = try await NodeScene(inMemory: 20)
        let events = ToldMessages()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await eventually { await scene.pendingJobs() == 40 }
            #expect(node.ledger.count == 40)
            #expect(events.count == 0)
            scene.bus.set(.works)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(events.numbers == Set(1...40))
        #expect(await scene.jobs().count == 40)
    }

    @Test func `what could not be published is published when that works again, though jobs cannot be queued then`() async throws {
        let scene = try await NodeScene(inMemory: 7)
        let events = ToldMessages()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        scene.queue.set(isDown: true)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await scene.queue.isAsked()
            scene.bus.set(.works)
            try await eventually { events.numbers == Set(1...40) }
            #expect(node.ledger.count == 40)
            scene.queue.set(isDown: false)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == Set(1...40))
    }

    @Test func `notifications do not wait for a bus that does not answer`() async throws {
        let scene = try await NodeScene(inMemory: 7)
        scene.bus.set(.hangs)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await eventually { await scene.pendingJobs() == 40 }
            scene.bus.set(.works)
            try await eventually { node.ledger.count == 0 }
        }
    }

    @Test func `a message whose media cannot be read does not keep others from being published`() async throws {
        let scene = try await NodeScene()
        let events = ToldMessages()
        scene.bus.attach(events)
        let node = scene.node()
        try await node.working {
            try await node.storeAndHandOver(1, areTold: false, mediaIDs: [.random()])
            try await node.storeAndHandOver(3, areTold: false)
            try await eventually { events.numbers == [2, 3, 4] }
            #expect(node.ledger.count == 1)
            scene.media.set(isDown: false)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(events.numbers == [1, 2, 3, 4])
    }

    @Test func `what a dead node's successor could not publish it publishes later`() async throws {
        let scene = try await NodeScene()
        let dead = scene.node()
        _ = try await dead.storeWithoutEffects(3)
        await scene.register.renew(dead.id, dueFrom: dead.ledger.dueFrom(at: scene.second), seconds: 0)
        let events = ToldMessages()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        let successor = scene.node()
        try await successor.working {
            try await successor.keeping { _ in
                try await eventually { await scene.pendingJobs() == 3 }
                scene.bus.set(.works)
                try await eventually { events.numbers == [1, 2, 3] }
            }
        }
        #expect(await scene.jobs().count == 3)
    }

    @Test func `a message of which nobody knows whether it is stored is looked for once that is decided, and holds up no other`()
        async throws
    {
        let scene = try await NodeScene()
        let node = scene.node()
        scene.log.set(isDecided: false)
        try await node.working {
            let stored = try await node.storeWithoutEffects(1)
            let missing = node.ids.next(at: scene.time.now())
            node.effects.isUnknown(stored.map(\.id) + [missing])
            try await node.storeAndHandOver(2)
            try await eventually { scene.log.refusals > 1 && node.ledger.count == 2 }
            #expect(await scene.pendingJobs() == 2)
            scene.log.set(isDecided: true)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == [1, 2, 3])
    }
}
