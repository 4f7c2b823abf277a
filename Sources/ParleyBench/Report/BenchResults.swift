/// What a row measures.
enum RowKind: Hashable, Sendable {
    case disk
    case emptyRoute(Int)
    case createsOverMany(Int)
    case createsOverOne(Int)
    case createsInGroup(Int, Int)
    case history(Int)
    case list(Int)
    /// One conversation's messages to so many sockets, in bursts of so many.
    case fanOut(Int, Int)
    /// The same bytes to as many sockets from the bare writer.
    case bareWriter(Int, Int)
    /// One message at a time to so many sockets, beside others of the conversation, which read too.
    case withoutSlowReaders(Int, Int)
    /// The same while the others do not read.
    case besideSlowReaders(Int, Int)
    /// A message a second in each of so many conversations of so many participants.
    case openLoop(Int, Int)
    /// Connecting up to so many sockets.
    case connecting(Int)
    /// What an engine of a cluster can do by itself, asked by so many callers.
    case engine(String, Int)
    /// Another row, measured on a cluster.
    indirect case on(ClusterPlace, RowKind)
    case push(PushRow)

    var title: String {
        switch self {
        case .disk: "disk commits"
        case .emptyRoute: "empty route"
        case .createsOverMany: "creates over many conversations"
        case .createsOverOne: "creates over one hot conversation"
        case .createsInGroup(let size, _): "creates in a group of \(grouped(size))"
        case .history(let messages): "history pages of \(grouped(messages)) messages"
        case .list(let conversations): "list pages of \(grouped(conversations)) conversations"
        case .fanOut(_, let burst): Self.burst(burst)
        case .bareWriter(_, let burst): "bare writer, \(Self.burst(burst))"
        case .withoutSlowReaders(_, let count): "one message at a time, \(count) more sockets that read"
        case .besideSlowReaders(_, let count): "one message at a time, \(count) more sockets that do not read"
        case .openLoop(let conversations, let participants):
            "\(grouped(conversations)) conversations of \(participants), a message a second in each"
        case .connecting: "connecting, authenticating, catching up"
        case .engine(let name, _): name
        case .on(let place, let row): "\(row.title), \(place.rawValue)"
        case .push(let row): row.title
        }
    }

    var connections: Int {
        switch self {
        case .disk: 1
        case .emptyRoute(let count), .createsOverMany(let count), .createsOverOne(let count), .createsInGroup(_, let count): count
        case .history, .list: BenchSizes.full.readerConnections
        case .fanOut(let sockets, _), .bareWriter(let sockets, _), .withoutSlowReaders(let sockets, _),
            .besideSlowReaders(let sockets, _), .connecting(let sockets):
            sockets
        case .openLoop(let conversations, let participants): conversations * participants
        case .engine(_, let callers): callers
        case .on(_, let row): row.connections
        case .push(let row): row.count
        }
    }

    private static func burst(_ messages: Int) -> String {
        messages == 1 ? "one message at a time" : "bursts of \(messages) messages"
    }
}

/// Where a row of a cluster is measured.
enum ClusterPlace: String, Sendable, CaseIterable {
    /// The service without batches, on the same engines.
    case plainService = "plain service"
    case oneNode = "one node"
    /// Half of the connections on each.
    case twoNodes = "two nodes"
}

/// One measurement of a row, with its neighbours.
struct Observation: Sendable {
    let sample: LoadSample
    /// What the server worked for the row, effects included.
    var serverSeconds: Double?
    /// What this process worked to drive the row.
    var generatorSeconds: Double?
    /// What the whole machine worked in that time: engines, servers and this process.
    var machineSeconds: Double?
    /// What the engines worked in that time.
    var engines: EngineUsage?
    /// False when the server still worked on the row's effects when the waiting for it ended.
    var becameQuiet = true
    /// Rate by rate and p50 by p50 of the neighbouring references.
    private(set) var ofEmptyRoute: Double?
    private(set) var perDiskCommit: Double?
    private(set) var p50InDiskCommits: Double?

    init(
        sample: LoadSample, serverSeconds: Double? = nil, generatorSeconds: Double? = nil, machineSeconds: Double? = nil,
        engines: EngineUsage? = nil, becameQuiet: Bool = true
    ) {
        self.sample = sample
        self.serverSeconds = serverSeconds
        self.generatorSeconds = generatorSeconds
        self.machineSeconds = machineSeconds
        self.engines = engines
        self.becameQuiet = becameQuiet
    }

    func comparedTo(emptyRoute: LoadSample, disk: LoadSample) -> Observation {
        var copy = self
        copy.ofEmptyRoute = sample.rate / emptyRoute.rate
        copy.perDiskCommit = sample.rate / disk.rate
        copy.p50InDiskCommits = sample.p50 / disk.p50
        return copy
    }
}

/// Everything a run has measured.
struct BenchResults: Sendable {
    /// The main server's resident memory, in bytes.
    struct Memory: Sendable, Equatable {
        var ready: Int64 = 0
        var end: Int64 = 0
        var peak: Int64 = 0
    }

    private(set) var observations: [RowKind: [Observation]] = [:]
    /// The rows in the order in which they were first measured.
    private var order: [RowKind] = []
    var memory = Memory()
    /// Of each idle socket, a value for each turn.
    var socketMemory: [SocketMemory] = []
    /// From the kill of the server until it was ready again, and until the last socket was back and caught up.
    var serverReadySeconds: [Double] = []
    var restartSeconds: [Double] = []
    /// How often a socket that came back was told to come again later.
    var turnedAway: [[UInt16: Int]] = []
    /// How many of the sockets that did not read were so far behind that the server told them.
    var slowReadersBehind: [Int] = []

    /// What the stand-ins for push services say they have accepted.
    var pushAccepted: [PushService: Int] = [:]

    mutating func add(_ kind: RowKind, _ observation: Observation) {
        if observations[kind] == nil { order.append(kind) }
        observations[kind, default: []].append(observation)
    }

    /// The medians of a row; nil when it was not measured.
    func row(_ kind: RowKind) -> ReportRow? {
        observations[kind].flatMap { ReportRow(kind: kind, observations: $0) }
    }

    /// The p50 of one row in those of another, by the median of the repeats.
    func p50Ratio(_ kind: RowKind, to other: RowKind) -> Double? {
        guard let above = observations[kind], let below = observations[other] else { return nil }
        return median(zip(above, below).map { $0.sample.p50 / $1.sample.p50 })
    }

    /// The p99 of one row in those of another, by the median of the repeats.
    func p99Ratio(_ kind: RowKind, to other: RowKind) -> Double? {
        guard let above = observations[kind], let below = observations[other] else { return nil }
        return median(zip(above, below).map { $0.sample.p99 / $1.sample.p99 })
    }

    /// The engines' own limits, in the order in which they were measured.
    var engineKinds: [RowKind] { order.filter { if case .engine = $0 { true } else { false } } }

    /// The rate of one row as a part of another's, by the median of the repeats.
    func ratio(_ kind: RowKind, to other: RowKind) -> Double? {
        guard let above = observations[kind], let below = observations[other] else { return nil }
        return median(zip(above, below).map { $0.sample.rate / $1.sample.rate })
    }
}

/// The middle value, or the mean of the two in the middle; nil when there is none.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}
