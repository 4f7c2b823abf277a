import ParleyModel

/// What the stand-ins say at their end: how much they have accepted, and why they refused the rest.
public struct PushStandInCounts: Sendable, Equatable {
    /// The file in the stand-ins' folder that is there when they can be reached, and the one that is there when they have ended.
    public static let readyFile = "ready.json"
    public static let endFile = "counts.json"

    public private(set) var accepted: [PushService: Int] = [:]
    public private(set) var refusals: [PushService: [String]] = [:]

    public init() {}

    public mutating func add(_ service: PushService, accepted: Int, refusals: [String]) {
        self.accepted[service] = accepted
        self.refusals[service] = refusals
    }

    public var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            for service in accepted.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
                json.name("\(service.rawValue)")
                json.object { json in
                    json.name("accepted")
                    json.integer(accepted[service] ?? 0)
                    json.name("refusals")
                    json.array(refusals[service] ?? []) { $0.string($1) }
                }
            }
        }
        return json.bytes
    }

    /// Nil for what ``json`` did not write.
    public init?(json: some Sequence<UInt8>) {
        guard case .object(let services)? = try? JSONParser.parse(Array(json)) else { return nil }
        for (name, value) in services.members {
            guard let service = PushService(rawValue: name), case .object(let counts) = value,
                case .integer(let accepted)? = counts["accepted"],
                case .array(let refusals)? = counts["refusals"]
            else { return nil }
            add(service, accepted: Int(accepted), refusals: refusals.compactMap { if case .string(let text) = $0 { text } else { nil } })
        }
    }
}
