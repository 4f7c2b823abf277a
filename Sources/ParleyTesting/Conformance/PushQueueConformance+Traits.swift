import ParleyCore
import ParleyModel

/// What a queue promises by its traits: for each of them the cases of those that have it, and of those that have not.
extension PushQueueConformance {
    static let waitingJobs: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a part of a message that waits already is not queued again, leased or not (P5)") { queue in
            let id = Sample.messageID()
            let users = Sample.users(2)
            let jobs = [Sample.job(for: users, messageID: id, part: 0), Sample.job(for: users, messageID: id, part: 1)]
            try await queue.enqueue([jobs[0], jobs[1], jobs[0]], at: Sample.start)
            try await queue.enqueue([jobs[1], Sample.job(for: [users[0]], messageID: id, part: 0)], at: Sample.time(1))
            try checkEqual(try await queue.depth().pending, 2, "jobs that wait")
            try checkEqual(try await queue.lease(limit: 10, seconds: 30, at: Sample.time(2)).map(\.job), jobs, "the jobs")
            try await queue.enqueue(jobs, at: Sample.time(3))
            try checkEqual(try await queue.lease(limit: 10, seconds: 30, at: Sample.time(4)), [], "the leases after queueing again")
            try checkEqual(try await queue.depth().pending, 2, "jobs that wait or are leased")
        },
        ConformanceCase("recipients who are new to a part that waits are queued, the others are not again (P5)") { queue in
            let id = Sample.messageID()
            let users = Sample.users(4)
            try await queue.enqueue([Sample.job(for: [users[0]], messageID: id, part: 0)], at: Sample.start)
            try await queue.enqueue([Sample.job(for: [users[1]], messageID: id, part: 1)], at: Sample.start)
            try await queue.enqueue([Sample.job(for: [users[0], users[2], users[3]], messageID: id, part: 0)], at: Sample.time(1))
            let recipients = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(2)).map(\.job.recipients)
            try checkEqual(recipients, [[users[0]], [users[1]], [users[2], users[3]]], "the recipients")
        },
        ConformanceCase("one job queued by many at the same time waits once") { queue in
            let job = Sample.job()
            _ = try await concurrently(32) { _ in try await queue.enqueue([job], at: Sample.start) }
            try checkEqual(try await queue.depth().pending, 1, "jobs that wait")
        },
    ]

    /// In the place of ``waitingJobs``.
    static let forgottenJobs: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("whoever is queued again under a part that waits is handed out, once or more often (P5)") { queue in
            let id = Sample.messageID()
            let users = Sample.users(3)
            try await queue.enqueue([Sample.job(for: [users[0]], messageID: id, part: 0)], at: Sample.start)
            try await queue.enqueue([Sample.job(for: [users[1]], messageID: id, part: 1)], at: Sample.start)
            try await queue.enqueue([Sample.job(for: [users[0], users[2]], messageID: id, part: 0)], at: Sample.time(1))
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(2))
            try checkEqual(Set(leases.flatMap(\.job.recipients)), Set(users), "the recipients")
            try checkEqual(Set(leases.map(\.id)).count, leases.count, "different names")
            try await queue.finish(Dictionary(uniqueKeysWithValues: leases.map { ($0.id, .done) }), at: Sample.time(2))
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 0, dead: 0), "the depth")
        }
    ]

    static let callersDelays: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a job to be tried again comes after its delay, for the recipients that are left") { queue in
            let users = Sample.users(3)
            let job = Sample.job(for: users)
            try await queue.enqueue([job], at: Sample.start)
            let lease = try await leased(1, from: queue, seconds: 1000)[0]
            try await queue.finish(
                [lease.id: .retry(after: 20, recipients: [users[2], users[0]], reason: "busy")], at: Sample.time(5))
            try checkEqual(
                try await queue.lease(limit: 1, seconds: 30, at: Sample.time(24.9)), [], "the leases before the delay ends")
            let again = try await queue.lease(limit: 1, seconds: 30, at: Sample.time(25.1))
            let expected = LeasedPushJob(id: lease.id, job: job.forRecipients([users[2], users[0]]), attempt: 2)
            try checkEqual(again, [expected], "the lease after the delay")
        }
    ]

    /// In the place of ``callersDelays``.
    static let enginesDelays: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a job to be tried again comes after its delay, for the recipients that are left") { queue in
            let users = Sample.users(3)
            let job = Sample.job(for: users)
            try await queue.enqueue([job], at: Sample.start)
            let lease = try await leased(1, from: queue, seconds: 1000)[0]
            let start = ContinuousClock.now
            try await queue.finish([lease.id: .retry(after: 1, recipients: [users[2], users[0]], reason: "busy")], at: Sample.time(5))
            let again = try await eventuallyLeased(1, from: queue, at: Sample.time(5))
            try check(ContinuousClock.now - start >= .seconds(1), "it came before the delay had ended")
            let expected = LeasedPushJob(id: lease.id, job: job.forRecipients([users[2], users[0]]), attempt: 2)
            try checkEqual(again, [expected], "the lease after the delay")
        }
    ]
}
