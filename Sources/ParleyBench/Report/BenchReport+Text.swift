extension BenchReport {
    /// The report as plain text.
    public var text: String {
        var parts = [heading]
        if measured(.creates) {
            parts.append(section("Limits of the machine", readTable(referenceKinds)))
            parts.append(section("Creates", createTable))
            parts.append(section("Reads (pages of \(BenchSizes.pageLimit))", readTable(readKinds)))
            parts.append(memoryLine)
        }
        if measured(.sockets) { parts += socketParts }
        if measured(.cluster) { parts += clusterParts }
        if measured(.push) { parts += pushParts }
        parts.append(section("Aims", aimTable))
        parts.append(section("Notes", notes.map { "- \($0)" }.joined(separator: "\n")))
        return parts.joined(separator: "\n\n") + "\n"
    }

    func section(_ title: String, _ body: String) -> String { "\(title)\n\n\(body)" }

    private var heading: String {
        let build = machine.isDebugBuild ? "DEBUG" : "release"
        let memory = decimal(Double(machine.memoryBytes) / 1_073_741_824, places: 1)
        let times = "\(decimal(seconds, places: 1)) s after \(decimal(warmUpSeconds, places: 1)) s of warm-up"
        return """
            \(machine.command), \(machine.date), \(build) build
            \(machine.cores) cores, shared with the load generator; \(machine.processor); \(memory) GiB; \(machine.kernel); data on \(machine.fileSystem)
            each row for \(times); medians of \(repeats), lowest and highest rate beside them
            """
    }

    func readTable(_ kinds: [RowKind]) -> String {
        var table = TextTable(["", "conns", "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms"])
        for row in kinds.compactMap(results.row) { table.add(common(row)) }
        return table.text
    }

    private var createTable: String {
        var table = TextTable([
            "", "conns", "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "/ empty route", "/ commits", "server us",
            "generator us",
        ])
        for row in createKinds.compactMap(results.row) {
            let serverTime = row.serverSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-"
            table.add(
                common(row) + [
                    optional(row.ofEmptyRoute, places: 2), optional(row.perDiskCommit, places: 2),
                    row.becameQuiet ? serverTime : ">\(serverTime)",
                    row.generatorSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-",
                ])
        }
        return table.text
    }

    func common(_ row: ReportRow) -> [String] {
        [
            row.kind.title, "\(row.kind.connections)", grouped(Int(row.rate.rounded())),
            "\(grouped(Int(row.lowestRate.rounded())))-\(grouped(Int(row.highestRate.rounded())))",
            decimal(row.p50 * 1e3, places: 2), decimal(row.p99 * 1e3, places: 2), decimal(row.p999 * 1e3, places: 2),
        ]
    }

    private var memoryLine: String {
        func mebibytes(_ bytes: Int64) -> String { decimal(Double(bytes) / 1_048_576, places: 0) }
        let memory = results.memory
        return
            "Server memory: \(mebibytes(memory.ready)) MiB when ready, \(mebibytes(memory.end)) MiB at the end, \(mebibytes(memory.peak)) MiB at most"
    }

    private var aimTable: String {
        var table = TextTable(["", "measured", "aim", "verdict"])
        for aim in aims {
            let limit = (aim.isAtLeast ? ">= " : "<= ") + decimal(aim.limit, places: 2)
            table.add([aim.name, decimal(aim.measured, places: 2), limit, aim.verdict.text])
        }
        return table.text
    }

    private func optional(_ value: Double?, places: Int) -> String {
        value.map { decimal($0, places: places) } ?? "-"
    }
}

extension Aim.Verdict {
    var text: String {
        switch self {
        case .met: "met"
        case .missed: "MISSED"
        case .notJudged(let reason): "not judged (\(reason))"
        }
    }
}

/// Columns as wide as their widest cell: the first to the left, the others to the right.
struct TextTable {
    private var rows: [[String]]

    init(_ titles: [String]) {
        rows = [titles]
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells)
    }

    var text: String {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + padding : padding + cell
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

/// A number with a fixed number of places; a dash for what is no number.
func decimal(_ value: Double, places: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "-" }
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % scale)
    return "\(sign)\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
}

/// A whole number with commas between thousands.
func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (place, digit) in digits.enumerated() {
        if place > 0, (digits.count - place).isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return text
}
