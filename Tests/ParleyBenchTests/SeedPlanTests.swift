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
}
