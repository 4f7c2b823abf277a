import ParleyCore
import ParleyModel

/// The part on notifications.
extension BenchReport {
    private var limitKinds: [RowKind] { PushRow.limits(sizes.push).map(RowKind.push) }
    private var workerKinds: [RowKind] { PushRow.throughWorkers(sizes.push).map(RowKind.push) }
    private var stallKinds: [RowKind] { [false, true].map { .push(.besideFCM(isStalled: $0)) } }

    // MARK: Text

    var pushParts: [String] {
        [
            section("Notifications: what the providers can do by themselves", pushTable(limitKinds, count: "callers")),
            section("Notifications: through the push worker", pushTable(workerKinds, count: "workers")),
            section("Notifications: a push service that stalls", pushTable(stallKinds, count: "workers")),
        ]
    }

    private func pushTable(_ kinds: [RowKind], count: String) -> String {
        var table = TextTable([
            "", count, "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "jobs/s", "/ bare", "our us", "stand-in us",
            "per second and core",
        ])
        for row in kinds.compactMap(results.row) {
            table.add(
                common(row) + [
                    jobs(row).map { decimal($0, places: 0) } ?? "-",
                    results.ofBare(row.kind, sizes.push).map { decimal($0, places: 2) } ?? "-",
                    row.serverSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-",
                    row.generatorSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-",
                    row.perCore.map { grouped(Int($0.rounded())) } ?? "-",
                ])
        }
        return table.text
    }

    private func jobs(_ row: ReportRow) -> Double? {
        guard case .push(let kind) = row.kind, let perJob = kind.perJob else { return nil }
        return row.rate / perJob
    }

    var pushNotes: [String] {
        let sizes = sizes.push
        let accepted = results.pushAccepted.filter { $0.value > 0 }.sorted { $0.key.rawValue < $1.key.rawValue }
            .map { "\($0.key.rawValue) \(grouped($0.value))" }.joined(separator: ", ")
        return [
            """
            Notifications: the stores of embedded mode in a temporary folder, push workers as in the server, and stand-ins for the push \
            services in a process of their own, which check as the real ones do: \(accepted) accepted, as many as here, and none refused. \
            Each worker has providers and connections of its own; two workers share the stores. Our time is user and system time of \
            this process for one notification, with leasing, deciding, claiming, writing down, and queueing the jobs; the stand-ins' \
            is theirs. The rate of a core is what our time comes to.
            """,
            """
            Latency is from the message's created_at, the moment of queueing, to the accepting answer, in whole milliseconds. At full load \
            \(grouped(sizes.maxOpen)) notifications are always queued and not accepted: there it is the time to work these off. \
            Recipients have one device each, and no client sits at a connection.
            """,
            """
            A message to \(grouped(sizes.largeRecipients)) recipients is \(jobsOfLargeGroup) jobs; the next one is sent when the last \
            recipient of the one before is told and everything is written down. Its rate counts until the last recipient.
            """,
            """
            Stall: \(decimal(sizes.openLoopMessages, places: 0)) messages a second, at fixed times, each to \(sizes.groupRecipients / 2) \
            users of APNs and as many of FCM, which answers or takes every message without an answer; the row is of APNs.
            """,
        ]
    }

    private var jobsOfLargeGroup: Int { (sizes.push.largeRecipients + PushJob.maxRecipients - 1) / PushJob.maxRecipients }

    // MARK: JSON

    func writePush(to json: inout JSONWriter) {
        json.object { json in
            json.name("limits")
            json.array(limitKinds.compactMap(results.row)) { write($1, to: &$0) }
            json.name("workers")
            json.array(workerKinds.compactMap(results.row)) { write($1, to: &$0) }
            json.name("stall")
            json.array(stallKinds.compactMap(results.row)) { write($1, to: &$0) }
            json.name("accepted")
            json.object { json in
                for (service, count) in results.pushAccepted.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    json.name("\(service.rawValue)")
                    json.integer(count)
                }
            }
        }
    }

    private func write(_ row: ReportRow, to json: inout JSONWriter) {
        json.object { json in
            json.name("name")
            json.string(row.kind.title)
            if case .push(let kind) = row.kind {
                json.name("\(kind.counted)")
                json.integer(kind.count)
            }
            json.name("per_second")
            json.rounded(row.rate)
            json.name("lowest_per_second")
            json.rounded(row.lowestRate)
            json.name("highest_per_second")
            json.rounded(row.highestRate)
            json.name("jobs_per_second")
            json.optional(jobs(row)) { $0.rounded($1) }
            json.name("p50_ms")
            json.rounded(row.p50 * 1e3)
            json.name("p99_ms")
            json.rounded(row.p99 * 1e3)
            json.name("of_bare")
            json.optional(results.ofBare(row.kind, sizes.push)) { $0.rounded($1) }
            json.name("our_us")
            json.optional(row.serverSeconds) { $0.rounded($1 * 1e6) }
            json.name("stand_in_us")
            json.optional(row.generatorSeconds) { $0.rounded($1 * 1e6) }
            json.name("per_second_and_core")
            json.optional(row.perCore) { $0.rounded($1) }
        }
    }
}

extension ReportRow {
    /// What a processor of our side would do in a second if it did nothing else.
    var perCore: Double? { serverSeconds.flatMap { $0 > 0 ? 1 / $0 : nil } }
}

extension BenchResults {
    /// A row of APNs beside the bare requests of its client.
    func ofBare(_ kind: RowKind, _ sizes: PushSizes) -> Double? {
        guard case .push(let row) = kind else { return nil }
        switch row {
        case .provider(.apns, _), .fullLoad(.apns, _, _), .largeGroup: return ratio(kind, to: .push(.bare(callers: sizes.callers)))
        default: return nil
        }
    }
}

extension Aim {
    /// "Unchanged" leaves a quarter for noise: a p99 is made by a few.
    private static let unchanged = 1.25

    static func ofPush(_ results: BenchResults, sizes: PushSizes, notJudged reason: String?) -> [Aim] {
        let perCore = [1, sizes.groupRecipients].compactMap { recipients in
            let kind = RowKind.push(.fullLoad(.apns, workers: 1, recipients: recipients))
            return results.row(kind)?.perCore.map {
                Aim("\(kind.title), one worker: notifications a second and core", measured: $0, atLeast: 5000, notJudged: reason)
            }
        }
        let stall = results.p99Ratio(.push(.besideFCM(isStalled: true)), to: .push(.besideFCM(isStalled: false))).map {
            Aim("apns beside fcm that stalls: p99 in that beside fcm that answers", measured: $0, atMost: unchanged, notJudged: reason)
        }
        return perCore + [stall].compactMap { $0 }
    }
}
