public import ParleyCore
import ParleyModel

/// What ``ParleyCore/PushQueue`` promises: a job is handed out until someone says what became of it (P5).
public enum PushQueueConformance {
    /// For a queue that has all of the traits.
    public static let cases = cases(with: PushQueueTraits())

    /// For a queue with these traits: what it does not promise is not asked, but nothing is lost for it.
    public static func cases(with traits: PushQueueTraits) -> [ConformanceCase<any PushQueue>] {
        leases + (traits.remembersWaitingJobs ? waitingJobs : forgottenJobs)
            + (traits.delaysFollowCallersTime ? callersDelays : enginesDelays) + results + deadLetters
    }

    private static let leases: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a new queue is empty") { queue in
            try checkEqual(try await queue.lease(limit: 10, seconds: 30, at: Sample.start), [], "the leases")
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 0, dead: 0), "the depth")
            try checkEqual(try await queue.deadLetters(limit: 10, after: nil), [], "the dead letters")
        },
        ConformanceCase("every part of a job comes back") { queue in
            let jobs = [
                Sample.job(for: Sample.users(PushJob.maxRecipients), preview: "📷 3 photos"),
                Sample.job(for: Sample.users(1), part: 3, preview: ""), Sample.job(preview: "it's \"👩‍👩‍👧\"\\"),
            ]
            try await queue.enqueue(jobs, at: Sample.start)
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.start)
            try checkEqual(leases.map(\.job), jobs, "the jobs")
            try checkEqual(leases.map(\.attempt), [1, 1, 1], "the attempts")
        },
        ConformanceCase("jobs are handed out oldest first, as many as asked for") { queue in
            let jobs = (0..<7).map { _ in Sample.job() }
            for (second, job) in jobs.enumerated() { try await queue.enqueue([job], at: Sample.time(Double(second))) }
            var leased: [PushJob] = []
            for expected in [3, 3, 1, 0] {
                let leases = try await queue.lease(limit: 3, seconds: 30, at: Sample.time(10))
                try checkEqual(leases.count, expected, "the size of a lease")
                leased += leases.map(\.job)
            }
            try checkEqual(leased, jobs, "the jobs")
            try checkEqual(try await queue.depth().pending, 7, "jobs that wait or are leased")
        },
        ConformanceCase("a leased job is nobody else's until the lease ends, and is then handed out again (P5)") { queue in
            let job = Sample.job()
            try await queue.enqueue([job], at: Sample.start)
            let first = try await leased(1, from: queue)
            try checkEqual(first.map(\.attempt), [1], "the first lease")
            try checkEqual(try await queue.lease(limit: 10, seconds: 30, at: Sample.time(29.9)), [], "the leases while it lasts")
            let second = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(30.1))
            try checkEqual(second, [LeasedPushJob(id: first[0].id, job: job, attempt: 2)], "the second lease")
            try checkEqual(
                try await queue.lease(limit: 10, seconds: 30, at: Sample.time(59.9)), [], "the leases while the second lasts")
            try checkEqual(
                try await queue.lease(limit: 10, seconds: 30, at: Sample.time(61)).map(\.attempt), [3], "the third lease")
        },
        ConformanceCase("many workers at the same time never get the same job") { queue in
            try await queue.enqueue((0..<100).map { _ in Sample.job() }, at: Sample.start)
            let leases = try await concurrently(20) { _ in try await queue.lease(limit: 7, seconds: 30, at: Sample.start) }
            let ids = leases.flatMap { $0 }.map(\.id)
            try checkEqual(ids.count, 100, "jobs handed out")
            try checkEqual(Set(ids).count, 100, "different jobs")
        },
        ConformanceCase("queueing nothing changes nothing") { queue in
            try await queue.enqueue([], at: Sample.start)
            try await queue.finish([:], at: Sample.start)
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 0, dead: 0), "the depth")
        },
    ]

    private static let results: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a job that is done is gone") { queue in
            try await queue.enqueue([Sample.job(), Sample.job()], at: Sample.start)
            let leases = try await leased(1, from: queue)
            try await queue.finish([leases[0].id: .done], at: Sample.time(1))
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 1, dead: 0), "the depth")
            let later = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(100))
            try check(later.count == 1 && later[0].id != leases[0].id, "only the other job is left")
        },
        ConformanceCase("a job that is given back comes again as if it had not been handed out") { queue in
            let job = Sample.job(for: Sample.users(3))
            try await queue.enqueue([job], at: Sample.start)
            let first = try await leased(1, from: queue)[0]
            try await queue.finish([first.id: .retry(after: 0, recipients: job.recipients, reason: "busy")], at: Sample.start)
            for look in 1...3 {
                let now = Sample.time(Double(look) * 5)
                let lease = try await eventuallyLeased(1, from: queue, at: now)
                try checkEqual(lease, [LeasedPushJob(id: first.id, job: job, attempt: 2)], "lease \(look)")
                try await queue.finish([lease[0].id: .returned(after: 1)], at: now)
                try checkEqual(try await queue.lease(limit: 1, seconds: 30, at: now), [], "the leases before the delay ends")
            }
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 1, dead: 0), "the depth")
        },
        ConformanceCase("a job that is given back for some of its recipients comes again for those, and its attempts are as before") {
            queue in
            let users = Sample.users(4)
            let job = Sample.job(for: users)
            try await queue.enqueue([job], at: Sample.start)
            var owed = users
            for look in 1...3 {
                let now = Sample.time(Double(look) * 5)
                let lease = try await eventuallyLeased(1, from: queue, at: now)
                try checkEqual(lease.map(\.job), [job.forRecipients(owed)], "the job of lease \(look)")
                try checkEqual(lease.map(\.attempt), [1], "the attempt of lease \(look)")
                owed.removeFirst()
                try await queue.finish([lease[0].id: .returned(after: 1, recipients: owed)], at: now)
            }
            let last = try await eventuallyLeased(1, from: queue, at: Sample.time(20))
            try await queue.finish([last[0].id: .dead(recipients: owed, reason: "gone")], at: Sample.time(20))
            let letters = try await queue.deadLetters(limit: 1, after: nil)
            try checkEqual(letters.map(\.job), [job.forRecipients(owed)], "the dead letter's job")
            try checkEqual(letters.map(\.attempts), [1], "the dead letter's attempts")
        },
        ConformanceCase("results for jobs that are no longer there are passed over") { queue in
            try await queue.enqueue([Sample.job(), Sample.job()], at: Sample.start)
            let leases = try await leased(2, from: queue)
            try await queue.finish([leases[0].id: .done], at: Sample.start)
            try await queue.finish(
                [
                    leases[0].id: .dead(recipients: Sample.users(1), reason: "late"), PushJobID(1_000_000): .done,
                    leases[1].id: .done,
                ],
                at: Sample.start)
            try await queue.finish([leases[0].id: .retry(after: 0, recipients: Sample.users(1), reason: "late")], at: Sample.start)
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 0, dead: 0), "the depth")
        },
        ConformanceCase("several results at once are each their own job's") { queue in
            let jobs = (0..<4).map { _ in Sample.job() }
            try await queue.enqueue(jobs, at: Sample.start)
            let leases = try await leased(4, from: queue)
            try await queue.finish(
                [
                    leases[0].id: .done, leases[1].id: .retry(after: 1, recipients: jobs[1].recipients, reason: "busy"),
                    leases[2].id: .dead(recipients: jobs[2].recipients, reason: "gone"),
                ], at: Sample.start)
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 2, dead: 1), "the depth")
            try checkEqual(
                try await eventuallyLeased(1, limit: 4, from: queue, at: Sample.time(2)).map(\.job), [jobs[1]], "what is due")
            try checkEqual(try await queue.deadLetters(limit: 4, after: nil).map(\.job), [jobs[2]], "the dead letters")
        },
    ]

    private static let deadLetters: [ConformanceCase<any PushQueue>] = [
        ConformanceCase("a dead letter keeps its job, its reason and how often it was tried") { queue in
            let users = Sample.users(3)
            let job = Sample.job(for: users)
            try await queue.enqueue([job], at: Sample.start)
            for attempt in 1...3 {
                let lease = try await leased(1, from: queue, at: Sample.time(Double(attempt)))[0]
                try checkEqual(lease.attempt, attempt, "the attempt")
                let result: PushJobResult =
                    attempt < 3
                    ? .retry(after: 0, recipients: users, reason: "busy") : .dead(recipients: [users[1]], reason: "it's \"gone\" 💀")
                try await queue.finish([lease.id: result], at: Sample.time(Double(attempt)))
                if attempt == 3 {
                    let expected = DeadPushJob(
                        id: lease.id, job: job.forRecipients([users[1]]), attempts: 3, reason: "it's \"gone\" 💀",
                        diedAt: Sample.time(3))
                    try checkEqual(try await queue.deadLetters(limit: 10, after: nil), [expected], "the dead letters")
                }
            }
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 0, dead: 1), "the depth")
            try checkEqual(try await queue.lease(limit: 1, seconds: 30, at: Sample.time(1000)), [], "the leases")
        },
        ConformanceCase("dead letters are listed oldest first, in pages") { queue in
            let dead = try await killed(5, in: queue)
            var listed: [DeadPushJob] = []
            while true {
                let page = try await queue.deadLetters(limit: 2, after: listed.last?.id)
                try check(page.count <= 2, "a page of at most 2, found \(page.count)")
                if page.isEmpty { break }
                listed += page
            }
            try checkEqual(listed.map(\.job), dead, "the dead letters")
        },
        ConformanceCase("all dead letters are replayed with a fresh count of attempts") { queue in
            let dead = try await killed(3, in: queue)
            try checkEqual(try await queue.replay(nil, at: Sample.time(60)), 3, "how many were replayed")
            try checkEqual(try await queue.depth(), PushQueueDepth(pending: 3, dead: 0), "the depth")
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.time(60))
            try checkEqual(Set(leases.map(\.job.messageID)), Set(dead.map(\.messageID)), "the jobs")
            try checkEqual(
                leases.map(\.job.recipients).sorted { $0[0] < $1[0] }, dead.map(\.recipients).sorted { $0[0] < $1[0] }, "recipients"
            )
            try checkEqual(leases.map(\.attempt), [1, 1, 1], "the attempts")
            try checkEqual(try await queue.replay(nil, at: Sample.time(61)), 0, "how many are left to replay")
        },
        ConformanceCase("named dead letters are replayed, unknown names are not counted") { queue in
            _ = try await killed(3, in: queue)
            let letters = try await queue.deadLetters(limit: 10, after: nil)
            try checkEqual(letters.count, 3, "dead letters")
            let chosen = [letters[1].id, PushJobID(1_000_000)]
            try checkEqual(try await queue.replay(chosen, at: Sample.time(60)), 1, "how many were replayed")
            try checkEqual(try await queue.replay([], at: Sample.time(60)), 0, "how many of none were replayed")
            try checkEqual(try await queue.deadLetters(limit: 10, after: nil), [letters[0], letters[2]], "the dead letters left")
            try checkEqual(
                try await queue.lease(limit: 10, seconds: 30, at: Sample.time(60)).map(\.job), [letters[1].job], "what is due")
        },
    ]

    /// Leases that many jobs, which must be due.
    static func leased(
        _ count: Int, from queue: any PushQueue, seconds: Double = 30, at now: Timestamp = Sample.start, line: UInt = #line
    ) async throws -> [LeasedPushJob] {
        let leases = try await queue.lease(limit: count, seconds: seconds, at: now)
        try checkEqual(leases.count, count, "jobs that are due", line: line)
        return leases
    }

    /// Leases as many jobs as are due; asks until there are `count`, unless delays follow the caller's time.
    static func eventuallyLeased(
        _ count: Int, limit: Int = 10, from queue: any PushQueue, at now: Timestamp
    ) async throws -> [LeasedPushJob] {
        let deadline = ContinuousClock.now + .seconds(20)
        var leases = try await queue.lease(limit: limit, seconds: 30, at: now)
        while leases.count < count, !queue.traits.delaysFollowCallersTime, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
            leases += try await queue.lease(limit: limit, seconds: 30, at: now)
        }
        return leases
    }

    /// Queues that many jobs and lets them die; returns them.
    private static func killed(_ count: Int, in queue: any PushQueue) async throws -> [PushJob] {
        let jobs = (0..<count).map { _ in Sample.job() }
        try await queue.enqueue(jobs, at: Sample.start)
        for (second, job) in jobs.enumerated() {
            let lease = try await leased(1, from: queue)[0]
            try checkEqual(lease.job, job, "the next job")
            let now = Sample.time(Double(second))
            try await queue.finish([lease.id: .dead(recipients: job.recipients, reason: "gone")], at: now)
        }
        return jobs
    }
}

extension PushJob {
    func forRecipients(_ recipients: [UserID]) -> PushJob {
        PushJob(
            messageID: messageID, conversationID: conversationID, senderID: senderID, sequenceNumber: sequenceNumber,
            recipients: recipients, messagePreview: messagePreview, createdAt: createdAt, part: part)
    }
}
