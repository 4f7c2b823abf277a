/// A row of the report: medians of its repeats. Times are in seconds.
struct ReportRow: Sendable, Equatable {
    let kind: RowKind
    let rate: Double
    let lowestRate: Double
    let highestRate: Double
    let p50: Double
    let p99: Double
    let p999: Double
    let ofEmptyRoute: Double?
    let perDiskCommit: Double?
    let p50InDiskCommits: Double?
    /// Processor time of the server for one request, effects included.
    let serverSeconds: Double?
    /// Processor time of the whole machine for one request.
    let machineSeconds: Double?
    /// Processor time of each engine for one request.
    let engineSeconds: [EngineUsage.Engine: Double]
    /// Processor time of the load generator for one request.
    let generatorSeconds: Double?
    /// Whether the server got quiet after every repeat.
    let becameQuiet: Bool

    init?(kind: RowKind, observations: [Observation]) {
        guard let rate = median(observations.map(\.sample.rate)) else { return nil }
        self.kind = kind
        self.rate = rate
        lowestRate = observations.map(\.sample.rate).min() ?? rate
        highestRate = observations.map(\.sample.rate).max() ?? rate
        p50 = median(observations.map(\.sample.p50)) ?? 0
        p99 = median(observations.map(\.sample.p99)) ?? 0
        p999 = median(observations.map(\.sample.p999)) ?? 0
        ofEmptyRoute = median(observations.compactMap(\.ofEmptyRoute))
        perDiskCommit = median(observations.compactMap(\.perDiskCommit))
        p50InDiskCommits = median(observations.compactMap(\.p50InDiskCommits))
        serverSeconds = Self.perAnswer(observations, \.serverSeconds)
        machineSeconds = Self.perAnswer(observations, \.machineSeconds)
        engineSeconds = Dictionary(
            uniqueKeysWithValues: EngineUsage.Engine.allCases.compactMap { engine in
                let used = observations.compactMap { observation in
                    observation.engines?.processorSeconds[engine].map { $0 / Double(max(1, observation.sample.answers)) }
                }
                return median(used).map { (engine, $0) }
            })
        generatorSeconds = Self.perAnswer(observations, \.generatorSeconds)
        becameQuiet = observations.allSatisfy(\.becameQuiet)
    }

    private static func perAnswer(_ observations: [Observation], _ seconds: KeyPath<Observation, Double?>) -> Double? {
        median(
            observations.compactMap { observation in
                observation[keyPath: seconds].map { $0 / Double(max(1, observation.sample.answers)) }
            })
    }
}
