/// The routes there are, to tell an unknown path from a known one with a wrong method.
struct RouteTable: Sendable {
    private var entries: [(segments: [Substring], method: String)] = []

    mutating func add(_ method: String, _ path: String) {
        entries.append((path.split(separator: "/"), method))
    }

    /// The methods that a path knows, sorted; empty for an unknown path.
    func methods(for path: String) -> [String] {
        let segments = path.split(separator: "/")
        let methods = entries.filter { Self.matches($0.segments, segments) }.map(\.method)
        return Set(methods).sorted()
    }

    private static func matches(_ pattern: [Substring], _ segments: [Substring]) -> Bool {
        pattern.count == segments.count && zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
