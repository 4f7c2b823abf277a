import Foundation
import ParleyPush
import Testing

/// docs/OPERATING.md lists the metrics that the sources make, and no others.
struct MetricNamesTests {
    /// A metric by its name and the names of its labels.
    private typealias Metrics = [String: Set<String>]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL

    private static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    /// The rows of the page, `| `name{label,label}` | …`, with the whole row.
    private static func rows() throws -> [(name: String, labels: Set<String>, row: String)] {
        try text("docs/OPERATING.md").split(separator: "\n").compactMap { row in
            guard let match = row.prefixMatch(of: /\| `(parley_[a-z_]+)(?:\{([a-z,]+)\})?` \|/) else { return nil }
            return (String(match.1), Set((match.2 ?? "").split(separator: ",").map(String.init)), String(row))
        }
    }

    /// Every call that makes an instrument, or a group of them, and names it.
    private static func made() throws -> Metrics {
        let sources = root.appending(path: "Sources")
        var metrics: Metrics = [:]
        let files = FileManager.default.enumerator(atPath: sources.path)
        while let path = files?.nextObject() as? String {
            guard path.hasSuffix(".swift") else { continue }
            let source = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            for match in source.matches(of: /(?:(?:Counter|Gauge|Meter|Recorder|Timer)\(\s*label:|counters\()\s*"(parley_[a-z_]+)"/) {
                metrics[String(match.1), default: []].formUnion(labels(ofCallAt: match.range.upperBound, in: source))
            }
        }
        return metrics
    }

    /// Up to the parenthesis that ends the call: `("provider", …)`, and `], "outcome", […]` of groups.
    private static func labels(ofCallAt start: String.Index, in source: String) -> Set<String> {
        var (depth, end) = (1, start)
        while depth > 0, end < source.endIndex {
            depth += source[end] == "(" ? 1 : source[end] == ")" ? -1 : 0
            end = source.index(after: end)
        }
        let call = source[start..<end]
        let single = call.matches(of: /\(\s*"([a-z]+)",/).map { String($0.1) }
        return Set(single + call.matches(of: /\],\s*"([a-z]+)",/).map { String($0.1) })
    }

    @Test func `each metric stands in the page with its labels, and each of the page's is made`() throws {
        let rows = try Self.rows()
        let listed = Metrics(rows.map { ($0.name, $0.labels) }) { $0.union($1) }
        #expect(listed.count == rows.count && listed.count > 20)
        let made = try Self.made()
        for name in Set(listed.keys).union(made.keys).sorted() { #expect(listed[name] == made[name], "\(name)") }
    }

    @Test func `each reason to send nothing stands in the page`() throws {
        let row = try #require(try Self.rows().first { $0.name == "parley_push_dropped_total" }?.row)
        let named = Set(row.matches(of: /`([a-z_]+)`/).map { String($0.1) })
        #expect(named == Set(DropReason.allCases.map(\.rawValue)))
    }

    /// Whatever an instrument's name is written in, this finds a name that the pattern above does not.
    @Test func `no metric is made in a way that this test does not see`() throws {
        let made = try Self.made()
        let sources = Self.root.appending(path: "Sources")
        let files = FileManager.default.enumerator(atPath: sources.path)
        while let path = files?.nextObject() as? String {
            guard path.hasSuffix(".swift") else { continue }
            let source = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            for match in source.matches(of: /"(parley_[a-z_]+_(?:total|seconds|messages|pending|dead|depth|authenticated))"/) {
                #expect(made[String(match.1)] != nil, "\(match.1) in \(path)")
            }
        }
    }
}
