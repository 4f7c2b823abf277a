/// What a verifier has read, and what it found.
public struct VerificationReport: Sendable, Equatable {
    /// Findings that are shown; there may be more.
    public static let maxFindings = 100

    public var conversations = 0
    public var messages = 0
    public var participants = 0
    /// Messages that are stored and not counted in their conversation yet. Nodes do that within moments, or after a repair:
    /// they are no findings.
    public var unappliedMessages: Int64 = 0
    /// A sentence for each thing that is wrong; at most ``maxFindings``.
    public private(set) var findings: [String] = []
    /// All that is wrong, shown or not.
    public private(set) var findingCount = 0

    /// Nothing read yet.
    public init() {}

    public mutating func add(_ finding: String) {
        findingCount += 1
        if findings.count < Self.maxFindings { findings.append(finding) }
    }
}
