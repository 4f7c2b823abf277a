import Foundation

/// What a run measured: tables for people, JSON for programs, and what became of the aims.
public struct BenchReport: Sendable {
    public let aims: [Aim]
    let machine: MachineFacts
    let results: BenchResults
    let sizes: BenchSizes
    let seconds: Double
    let warmUpSeconds: Double
    let repeats: Int
    let isQuick: Bool
    let pushProvider: BenchConfiguration.PushProvider
    private let parts: Set<BenchConfiguration.Part>

    init(configuration: BenchConfiguration, machine: MachineFacts, results: BenchResults) {
        self.machine = machine
        self.results = results
        sizes = configuration.sizes
        seconds = configuration.measuredSeconds
        warmUpSeconds = configuration.warmUpSeconds
        repeats = configuration.measuredRepeats
        isQuick = configuration.isQuick
        pushProvider = configuration.pushProvider
        parts = configuration.parts
        aims = Aim.all(results, sizes: sizes, notJudged: Self.reasonNotToJudge(machine, isQuick: isQuick))
    }

    /// Writes ``json`` to a file.
    public func writeJSON(to path: String) throws {
        try Data(json).write(to: URL(fileURLWithPath: path))
    }

    private static func reasonNotToJudge(_ machine: MachineFacts, isQuick: Bool) -> String? {
        if machine.isDebugBuild { return "debug build" }
        if isQuick { return "quick run" }
        return machine.isInMemory ? "data in memory" : nil
    }

    /// What a reader must know to judge the figures.
    var notes: [String] {
        var notes = measured(.creates) ? createNotes : []
        if measured(.sockets) { notes += socketNotes }
        if measured(.cluster) { notes += clusterNotes }
        if measured(.push) { notes += pushNotes }
        if machine.isDebugBuild {
            notes.append("DEBUG BUILD: these figures say nothing about Parley's speed. Measure with `swift build -c release`.")
        }
        if isQuick { notes.append("Quick run: small sizes and short times, to see that everything works; not to be quoted.") }
        if machine.isInMemory { notes.append("The data lay in memory (\(machine.fileSystem)): commits reached no disk.") }
        return notes
    }

    func measured(_ part: BenchConfiguration.Part) -> Bool { parts.contains(part) }

    private var createNotes: [String] {
        var notes = [
            """
            Many conversations: \(grouped(sizes.conversations)) groups of at most \(sizes.concurrencies.count + 1); the hot one: \
            a group of all \(sizes.maxConcurrency) senders. Each create has a client_message_id and a text of 100 characters.
            """,
            """
            Every recipient is offline, the costliest case: each message becomes push jobs, with the push provider \
            \(pushProvider.rawValue).
            """,
            """
            Server and generator time are user and system time for one request; the server's includes the effects done after \
            the answer.
            """,
        ]
        if let floor = commitNote { notes.append(floor) }
        let busy = allKinds.filter { results.row($0)?.becameQuiet == false }
        if !busy.isEmpty {
            let rows = busy.map { "\($0.title) (\($0.connections))" }.joined(separator: "; ")
            notes.append(
                """
                The server was still busy with effects when the next row began, after: \(rows). Their server time is too low, \
                and the rows that followed shared the processor.
                """)
        }
        return notes
    }

    /// On disks that acknowledge from a cache, a commit is faster than any request, whatever the server does.
    private var commitNote: String? {
        guard let disk = results.row(.disk), let empty = results.row(.emptyRoute(1)), empty.p50 > 2 * disk.p50 else { return nil }
        let times = "\(decimal(empty.p50 * 1e3, places: 3)) ms, two disk commits \(decimal(2 * disk.p50 * 1e3, places: 3)) ms"
        return """
            An empty request alone takes \(times) (p50, one connection): on this machine no create over HTTP can be within two \
            disk commits.
            """
    }

    var createKinds: [RowKind] {
        sizes.concurrencies.map { .createsOverMany($0) } + sizes.concurrencies.map { .createsOverOne($0) }
            + [.createsInGroup(sizes.smallGroup, sizes.aimConcurrency), .createsInGroup(sizes.largeGroup, sizes.aimConcurrency)]
    }

    var referenceKinds: [RowKind] { [.disk] + sizes.concurrencies.map { .emptyRoute($0) } }

    var readKinds: [RowKind] {
        [.history(sizes.smallHistory), .history(sizes.largeHistory), .list(sizes.listedConversations)]
    }

    private var allKinds: [RowKind] { referenceKinds + createKinds + readKinds }
}
