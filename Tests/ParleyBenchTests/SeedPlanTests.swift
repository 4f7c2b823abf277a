import Testing

@testable import ParleyBench

struct SeedPlanTests {
    @Test(arguments: [BenchSizes.full, .quick])
    func `every sender participates in its conversations, and every conversation is used, at each concurrency`(sizes: BenchSizes) {
        let plan = SeedPlan(sizes: sizes)
        for concurrency in sizes.concurrencies {
            var used: Set<Int> = []
            for place in plan.spread.indices {
                let sender = plan.sender(ofSpread: place, concurrency: concurrency)
                #expect(plan.participants(ofSpread: place).contains(plan.senders[sender]))
                used.insert(sender)
            }
            #expect(used.count == concurrency)
        }
    }

    @Test func `listeners, slow readers and senders of a crowd each have their places`() async throws {
        let plan = CrowdPlan(listeners: 5, slow: 2, senders: 3)
        #expect(Set(plan.users).count == 10)
        #expect([plan.listenerPlaces, plan.slowPlaces, plan.senderPlaces] == [0..<5, 5..<7, 7..<10])
        let roles = try await plan.roles { "\($0)" }
        for (place, role) in roles.enumerated() {
            switch role {
            case .listening(let conversation, let token, let position):
                #expect(place < 7 && conversation == plan.conversation && token == "\(plan.users[place])" && position == 0)
            case .sending(let token): #expect(place >= 7 && token == "\(plan.users[place])")
            case .bare: Issue.record("nobody is bare here")
            }
        }
    }

    @Test func `each user of many conversations is in one of them`() {
        let plan = ConversationsPlan(conversations: 4, participants: 3)
        #expect(Set(plan.users).count == 12)
        #expect(Set((0..<4).flatMap { plan.participants(of: $0) }) == Set(plan.users))
    }

    @Test(arguments: [SocketSizes.full, .quick])
    func `open files are enough for each row`(sizes: SocketSizes) {
        #expect(sizes.mostSockets >= (sizes.fanOuts.max() ?? 0) + sizes.slowReaders + sizes.senders)
        #expect(sizes.mostSockets >= sizes.sockets)
        #expect(sizes.openFiles(sizes.mostSockets) > sizes.mostSockets)
        #expect(sizes.warmUpSockets < sizes.sockets)
    }
}
