import ParleyModel
import Testing

@testable import ParleyBench

struct BenchReportTests {
    @Test func `a release run on a disk judges each aim`() {
        let report = report(isDebugBuild: false)
        #expect(report.aims.count == 6)
        #expect(report.aims.filter { $0.verdict == .met }.count == 5)
        #expect(
            report.aims.filter { $0.verdict == .missed }.map(\.name) == [
                "creates in a group of 100,000: rate as a part of that of creates in a group of 10"
            ])
        #expect(report.text.contains("MISSED"))
    }

    @Test func `a debug build judges nothing and says so`() {
        let report = report(isDebugBuild: true)
        #expect(report.aims.allSatisfy { $0.verdict == .notJudged("debug build") })
        #expect(report.text.contains("DEBUG BUILD"))
        #expect(!report.text.contains("MISSED"))
    }

    @Test func `a run in memory or a quick one judges nothing`() {
        #expect(report(fileSystem: "tmpfs").aims.allSatisfy { $0.verdict == .notJudged("data in memory") })
        #expect(report(isQuick: true).aims.allSatisfy { $0.verdict == .notJudged("quick run") })
    }

    @Test func `rows of sockets are judged beside the bare writer, and by their own aims`() {
        let report = report(results: socketResults(.full))
        #expect(report.aims.count == 6)
        #expect(
            report.aims.filter { $0.verdict == .missed }.map(\.name) == [
                "bursts of 16 messages, 1,000 sockets: rate as a part of the bare writer's",
                "an idle socket: KiB of the server's memory",
            ])
        #expect(report.text.contains("20.0 KiB of the server's resident memory"))
        #expect(report.text.contains("At least 9 of the 10 sockets that did not read"))
    }

    @Test func `rows of a cluster are judged beside the plain service, and stand beside the engines' limits`() throws {
        let report = report(parts: [.cluster], results: clusterResults())
        #expect(report.aims.map(\.measured) == [12, 0.5, 0.25, 0.95])
        #expect(report.aims.map(\.verdict) == [.met, .met, .missed, .met])
        #expect(report.text.contains("mongod insertMany") && report.text.contains("creates over many conversations, plain service"))
        guard case .object(let members) = try JSONParser.parse(report.json), case .object(let part) = members["cluster"],
            case .array(let engines) = part["engines"], case .array(let creates) = part["creates"]
        else {
            Issue.record("unexpected shape")
            return
        }
        #expect(engines.count == 1)
        #expect(creates.count == 8)
        #expect(members["creates"] == nil)
    }

    @Test func `rows of notifications are judged by the processor time of our side, and a stall by what it does to the p99`() throws {
        let report = report(parts: [.push], results: pushResults())
        #expect(report.aims.map(\.measured) == [4000, 8000, 2])
        #expect(report.aims.map(\.verdict) == [.missed, .met, .missed])
        guard case .object(let members) = try JSONParser.parse(report.json), case .object(let part) = members["push"],
            case .array(let workers) = part["workers"], case .object(let row)? = workers.first, case .array(let stall) = part["stall"],
            case .object(let accepted) = part["accepted"]
        else {
            Issue.record("unexpected shape")
            return
        }
        #expect(row["name"] == .string("apns, messages to one recipient") && row["workers"] == .integer(1))
        #expect(row["jobs_per_second"] == .integer(1000) && row["of_bare"] == .number(0.25))
        #expect(stall.count == 2)
        #expect(accepted["apns"] == .integer(7))
        #expect(report.text.contains("apns 7 accepted"))
    }

    @Test func `a part that was not measured is not reported`() throws {
        let sockets = report(parts: [.sockets], results: socketResults(.full))
        #expect(!sockets.text.contains("Creates") && sockets.text.contains("Sockets: connections"))
        let creates = report(parts: [.creates])
        #expect(creates.text.contains("Creates") && !creates.text.contains("Sockets"))
        guard case .object(let members) = try JSONParser.parse(sockets.json), case .object(let part) = members["sockets"],
            case .array(let rows) = part["one_conversation"]
        else {
            Issue.record("unexpected shape")
            return
        }
        #expect(members["creates"] == nil)
        #expect(rows.count == 6)
        #expect(part["restart_seconds"] == .integer(4))
    }

    @Test func `medians are reported with the lowest and highest rate beside them`() {
        let row = report().results.row(.createsOverMany(64))
        #expect(row?.rate == 600)
        #expect(row?.lowestRate == 500)
        #expect(row?.highestRate == 700)
        #expect(row?.ofEmptyRoute == 0.6)
        #expect(row?.perDiskCommit == 1.2)
    }

    @Test func `rows whose effects were not done in time are named`() {
        let report = report()
        #expect(report.text.contains("still busy with effects when the next row began, after: creates in a group of 100,000 (64)."))
    }

    @Test func `lines of a table have one length`() {
        var table = TextTable(["", "rate"])
        table.add(["a long name", "1"])
        table.add(["b", "1,000,000"])
        let lines = table.text.split(separator: "\n")
        #expect(lines.map(\.count) == [22, 22, 22])
        #expect(lines.last == "b            1,000,000")
    }

    @Test func `the JSON holds the machine, every row and every aim`() throws {
        let json = try JSONParser.parse(report().json)
        guard case .object(let members) = json, case .object(let machine) = members["machine"],
            case .array(let creates) = members["creates"],
            case .array(let aims) = members["aims"], case .object(let aim) = aims.first
        else {
            Issue.record("unexpected shape")
            return
        }
        #expect(machine["build"] == .string("release"))
        #expect(creates.count == 6)
        #expect(aim["verdict"] == .string("met"))
    }

    @Test(arguments: [
        (0.0, 2, "0.00"), (1.005, 1, "1.0"), (12.5, 0, "13"), (-0.004, 2, "0.00"), (-1.5, 1, "-1.5"), (.nan, 1, "-"),
        (0.05, 2, "0.05"),
    ])
    func `decimals are rounded and padded`(value: Double, places: Int, text: String) {
        #expect(decimal(value, places: places) == text)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_000_000, "1,000,000"), (-12_345, "-12,345")])
    func `thousands are grouped`(value: Int, text: String) {
        #expect(grouped(value) == text)
    }

    @Test func `the middle of an even number of values is a mean`() {
        #expect(median([4, 1, 3, 2]) == 2.5)
        #expect(median([3, 1, 2]) == 2)
        #expect(median([]) == nil)
    }

    // MARK: Samples

    private func report(
        isDebugBuild: Bool = false, fileSystem: String = "ext4", isQuick: Bool = false,
        parts: Set<BenchConfiguration.Part> = [.creates, .sockets], results: BenchResults? = nil
    ) -> BenchReport {
        var configuration = BenchConfiguration(openStores: { _ in throw BenchError.interrupted }, token: { _, _ in "" })
        configuration.isQuick = isQuick
        configuration.parts = parts
        let machine = MachineFacts(
            date: Timestamp(milliseconds: 0), cores: 2, processor: "a processor", memoryBytes: 8 << 30, kernel: "Linux 6.1",
            fileSystem: fileSystem, isDebugBuild: isDebugBuild, command: "parley bench")
        return BenchReport(configuration: configuration, machine: machine, results: results ?? self.results(isQuick ? .quick : .full))
    }

    private func results(_ sizes: BenchSizes) -> BenchResults {
        let disk = sample(rate: 500, milliseconds: 2)
        let empty = sample(rate: 1000, milliseconds: 1)
        var results = BenchResults()
        results.add(.disk, Observation(sample: disk))
        results.add(.emptyRoute(64), Observation(sample: empty))
        for rate in [600, 500, 700] as [Int64] {
            for kind in [RowKind.createsOverMany(64), .createsOverOne(64), .createsOverMany(1), .createsOverOne(1)] {
                let observation = Observation(sample: sample(rate: rate, milliseconds: 3), serverSeconds: 0.1)
                results.add(kind, observation.comparedTo(emptyRoute: empty, disk: disk))
            }
        }
        results.add(.history(sizes.smallHistory), Observation(sample: sample(rate: 1000, milliseconds: 1)))
        results.add(.history(sizes.largeHistory), Observation(sample: sample(rate: 950, milliseconds: 1)))
        results.add(.createsInGroup(sizes.smallGroup, 64), Observation(sample: empty))
        results.add(.createsInGroup(sizes.largeGroup, 64), Observation(sample: disk, becameQuiet: false))
        return results
    }

    private func socketResults(_ sizes: BenchSizes) -> BenchResults {
        let sizes = sizes.sockets
        var results = BenchResults()
        for (kind, rate) in [
            (RowKind.fanOut(1000, 1), 700), (.bareWriter(1000, 1), 1000), (.fanOut(1000, 16), 500), (.bareWriter(1000, 16), 1000),
            (.withoutSlowReaders(1000, 10), 100), (.besideSlowReaders(1000, 10), 99),
            (.openLoop(sizes.conversations, sizes.participants), 900), (.connecting(sizes.sockets), 500),
        ] as [(RowKind, Int64)] {
            results.add(kind, Observation(sample: sample(rate: rate, milliseconds: 10)))
        }
        results.socketMemory = [SocketMemory(serverBytes: 20_480, kernelBytes: 4096)]
        results.restartSeconds = [3, 4, 5]
        results.serverReadySeconds = [0.5]
        results.slowReadersBehind = [10, 9]
        return results
    }

    private func clusterResults() -> BenchResults {
        var results = BenchResults()
        results.add(.engine("mongod insertMany", 4), Observation(sample: sample(rate: 2000, milliseconds: 1)))
        for (place, kind, rate, milliseconds) in [
            (.plainService, .createsOverMany(64), 100, 500), (.oneNode, .createsOverMany(64), 1200, 50),
            (.twoNodes, .createsOverMany(64), 1000, 60), (.twoNodes, .createsOverOne(64), 250, 250),
            (.plainService, .createsOverMany(1), 100, 10), (.oneNode, .createsOverMany(1), 200, 5),
            (.oneNode, .createsInGroup(10, 64), 1000, 60), (.oneNode, .createsInGroup(100_000, 64), 950, 60),
        ] as [(ClusterPlace, RowKind, Int64, Int64)] {
            results.add(.on(place, kind), Observation(sample: sample(rate: rate, milliseconds: milliseconds)))
        }
        return results
    }

    private func pushResults() -> BenchResults {
        let sizes = PushSizes.full
        var results = BenchResults()
        for (row, rate, milliseconds, ourSeconds) in [
            (.bare(callers: sizes.callers), 4000, 100, 0.5), (.fullLoad(.apns, workers: 1, recipients: 1), 1000, 50, 0.25),
            (.fullLoad(.apns, workers: 1, recipients: sizes.groupRecipients), 2000, 50, 0.25),
            (.besideFCM(isStalled: false), 250, 10, 0.1), (.besideFCM(isStalled: true), 250, 20, 0.1),
        ] as [(PushRow, Int64, Int64, Double)] {
            results.add(.push(row), Observation(sample: sample(rate: rate, milliseconds: milliseconds), serverSeconds: ourSeconds))
        }
        results.pushAccepted = [.apns: 7]
        return results
    }

    private func sample(rate: Int64, milliseconds: Int64) -> LoadSample {
        var histogram = LatencyHistogram()
        for _ in 0..<rate { histogram.record(nanoseconds: milliseconds * 1_000_000) }
        return LoadSample(histogram: histogram, seconds: 1, answers: rate)
    }
}
