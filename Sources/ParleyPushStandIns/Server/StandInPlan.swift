/// How a stand-in is asked to misbehave. What is asked for a device goes before what is asked for the next requests.
struct StandInPlan: Sendable {
    private var forNext: [(behaviour: StandInBehaviour, count: Int)] = []
    private var forDevices: [String: StandInBehaviour] = [:]

    mutating func add(_ behaviour: StandInBehaviour, forNext count: Int) { forNext.append((behaviour, count)) }

    mutating func set(_ behaviour: StandInBehaviour?, forDevice token: String) { forDevices[token] = behaviour }

    mutating func clear() { self = StandInPlan() }

    /// Takes one of those planned, if there is one.
    mutating func take(device token: String?) -> StandInBehaviour? {
        if let token, let behaviour = forDevices[token] { return behaviour }
        guard let first = forNext.first else { return nil }
        if first.count > 1 { forNext[0].count -= 1 } else { forNext.removeFirst() }
        return first.behaviour
    }
}
