/// What a stand-in remembers: counts of everything, and the last requests whole.
public struct StandInRecord: Sendable {
    public private(set) var requestCount = 0
    /// Those that were answered as accepted.
    public private(set) var acceptedCount = 0
    public private(set) var connectionCount = 0
    /// By the reason that was answered.
    public private(set) var refusals: [String: Int] = [:]

    private let limit: Int
    private var ring: [StandInRequest] = []
    private var next = 0

    init(limit: Int) { self.limit = limit }

    /// The last ones, oldest first.
    public var requests: [StandInRequest] { Array(ring[next...] + ring[..<next]) }

    mutating func note(_ request: StandInRequest) {
        requestCount += 1
        guard limit > 0 else { return }
        if ring.count < limit {
            ring.append(request)
        } else {
            ring[next] = request
            next = (next + 1) % limit
        }
    }

    mutating func noteAccepted() { acceptedCount += 1 }
    mutating func noteConnection() { connectionCount += 1 }
    mutating func noteRefusal(_ reason: String) { refusals[reason, default: 0] += 1 }
}
