/// What a row measures.
enum RowKind: Hashable, Sendable {
    case disk
    case emptyRoute(Int)
    case createsOverMany(Int)
    case createsOverOne(Int)
    case createsInGroup(Int, Int)
    case history(Int)
    case list(Int)

    var title: String {
        switch self {
        case .disk: "disk commits"
        case .emptyRoute: "empty route"
        case .createsOverMany: "creates over many conversations"
        case .createsOverOne: "creates over one hot conversation"
        case .createsInGroup(let size, _): "creates in a group of \(grouped(size))"
        case .history(let messages): "history pages of \(grouped(messages)) messages"
        case .list(let conversations): "list pages of \(grouped(conversations)) conversations"
        }
    }

    var connections: Int {
        switch self {
        case .disk: 1
        case .emptyRoute(let count), .createsOverMany(let count), .createsOverOne(let count), .createsInGroup(_, let count): count
        case .history, .list: BenchSizes.full.readerConnections
        }
    }
}

/// One measurement of a row, with its neighbours.
struct Observation: Sendable {
    let sample: LoadSample
    /// What the server worked for the row, effects included.
    var serverSeconds: Double?
    /// What this process worked to drive the row.
    var generatorSeconds: Double?
    /// False when the server still worked on the row's effects when the waiting for it ended.
    var becameQuiet = true
    /// Rate by rate and p50 by p50 of the neighbouring references.
    private(set) var ofEmptyRoute: Double?
    private(set) var perDiskCommit: Double?
    private(set) var p50InDiskCommits: Double?

    init(sample: LoadSample, serverSeconds: Double? = nil, generatorSeconds: Double? = nil, becameQuiet: Bool = true) {
        self.sample = sample
        self.serverSeconds = serverSeconds
        self.generatorSeconds = generatorSeconds
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
    var memory = Memory()

    mutating func add(_ kind: RowKind, _ observation: Observation) {
        observations[kind, default: []].append(observation)
    }

    /// The medians of a row; nil when it was not measured.
    func row(_ kind: RowKind) -> ReportRow? {
        observations[kind].flatMap { ReportRow(kind: kind, observations: $0) }
    }

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
