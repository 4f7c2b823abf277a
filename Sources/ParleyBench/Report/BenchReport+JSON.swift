import ParleyModel

extension BenchReport {
    /// The report as JSON: times in milliseconds, memory in bytes.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 16_384)
        json.object { json in
            json.name("machine")
            write(machine, to: &json)
            json.name("settings")
            writeSettings(to: &json)
            if measured(.creates) { writeCreates(to: &json) }
            if measured(.sockets) {
                json.name("sockets")
                writeSockets(to: &json)
            }
            if measured(.cluster) {
                json.name("cluster")
                writeCluster(to: &json)
            }
            if measured(.push) {
                json.name("push")
                writePush(to: &json)
            }
            json.name("aims")
            json.array(aims) { write($1, to: &$0) }
            json.name("notes")
            json.array(notes) { $0.string($1) }
        }
        return json.bytes
    }

    private func writeCreates(to json: inout JSONWriter) {
        json.name("references")
        json.array(referenceKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
        json.name("creates")
        json.array(createKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
        json.name("reads")
        json.array(readKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
        json.name("server_memory")
        writeMemory(to: &json)
    }

    private func write(_ machine: MachineFacts, to json: inout JSONWriter) {
        json.object { json in
            json.name("date")
            json.timestamp(machine.date)
            json.name("command")
            json.string(machine.command)
            json.name("build")
            json.string(machine.isDebugBuild ? "debug" : "release")
            json.name("cores")
            json.integer(machine.cores)
            json.name("processor")
            json.string(machine.processor)
            json.name("memory_bytes")
            json.integer(machine.memoryBytes)
            json.name("kernel")
            json.string(machine.kernel)
            json.name("file_system")
            json.string(machine.fileSystem)
        }
    }

    private func writeSettings(to json: inout JSONWriter) {
        json.object { json in
            json.name("seconds")
            json.rounded(seconds)
            json.name("warm_up_seconds")
            json.rounded(warmUpSeconds)
            json.name("repeats")
            json.integer(repeats)
            json.name("quick")
            json.bool(isQuick)
            json.name("push_provider")
            json.string(pushProvider.rawValue)
            json.name("conversations")
            json.integer(sizes.conversations)
        }
    }

    func writeRow(_ row: ReportRow, to json: inout JSONWriter) {
        json.object { json in
            json.name("name")
            json.string(row.kind.title)
            json.name("connections")
            json.integer(row.kind.connections)
            json.name("per_second")
            json.rounded(row.rate)
            json.name("lowest_per_second")
            json.rounded(row.lowestRate)
            json.name("highest_per_second")
            json.rounded(row.highestRate)
            json.name("p50_ms")
            json.rounded(row.p50 * 1e3)
            json.name("p99_ms")
            json.rounded(row.p99 * 1e3)
            json.name("p99_9_ms")
            json.rounded(row.p999 * 1e3)
            json.name("of_empty_route")
            json.optional(row.ofEmptyRoute) { $0.rounded($1) }
            json.name("per_disk_commit")
            json.optional(row.perDiskCommit) { $0.rounded($1) }
            json.name("p50_in_disk_commits")
            json.optional(row.p50InDiskCommits) { $0.rounded($1) }
            json.name("server_us")
            json.optional(row.serverSeconds) { $0.rounded($1 * 1e6) }
            json.name("machine_us")
            json.optional(row.machineSeconds) { $0.rounded($1 * 1e6) }
            for (engine, seconds) in row.engineSeconds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                json.name("\(engine.rawValue)_us")
                json.rounded(seconds * 1e6)
            }
            json.name("generator_us")
            json.optional(row.generatorSeconds) { $0.rounded($1 * 1e6) }
            json.name("effects_done")
            json.bool(row.becameQuiet)
        }
    }

    private func writeMemory(to json: inout JSONWriter) {
        json.object { json in
            json.name("ready_bytes")
            json.integer(results.memory.ready)
            json.name("end_bytes")
            json.integer(results.memory.end)
            json.name("peak_bytes")
            json.integer(results.memory.peak)
        }
    }

    private func write(_ aim: Aim, to json: inout JSONWriter) {
        json.object { json in
            json.name("name")
            json.string(aim.name)
            json.name("measured")
            json.rounded(aim.measured)
            json.name(aim.isAtLeast ? "at_least" : "at_most")
            json.rounded(aim.limit)
            json.name("verdict")
            json.string(aim.verdict.text)
        }
    }
}

extension JSONWriter {
    /// Three places; null for what is no number.
    mutating func rounded(_ value: Double) {
        value.isFinite ? number((value * 1000).rounded() / 1000) : null()
    }
}
