import ParleyModel

/// The part on sockets.
extension BenchReport {
    var fanOutKinds: [RowKind] {
        let (fanOuts, slow) = (sizes.sockets.fanOuts, sizes.sockets.slowReaders)
        return fanOuts.flatMap { sockets in
            [1, sizes.sockets.burst].flatMap { burst in [RowKind.fanOut(sockets, burst), .bareWriter(sockets, burst)] }
        } + [.withoutSlowReaders(fanOuts[0], slow), .besideSlowReaders(fanOuts[0], slow)]
    }

    private var openLoopKind: RowKind { .openLoop(sizes.sockets.conversations, sizes.sockets.participants) }
    private var connectingKind: RowKind { .connecting(sizes.sockets.sockets) }

    // MARK: Text

    var socketParts: [String] {
        [
            section("Sockets: one conversation, deliveries and the time to the last receipt", fanOutTable),
            section("Sockets: many conversations, receipts and the time from the moment of sending", timeTable(openLoopKind)),
            section("Sockets: connections", timeTable(connectingKind)),
            connectionLines,
        ]
    }

    private var fanOutTable: String {
        var table = TextTable([
            "", "sockets", "deliveries/s", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "/ bare writer", "server us", "receivers us",
        ])
        for row in fanOutKinds.compactMap(results.row) {
            table.add(
                common(row) + [
                    results.ofBareWriter(row.kind).map { decimal($0, places: 2) } ?? "-",
                    row.serverSeconds.map { decimal($0 * 1e6, places: 2) } ?? "-",
                    row.generatorSeconds.map { decimal($0 * 1e6, places: 2) } ?? "-",
                ])
        }
        return table.text
    }

    private func timeTable(_ kind: RowKind) -> String {
        var table = TextTable([
            "", "sockets", "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "server us", "receivers us",
        ])
        for row in [kind].compactMap(results.row) {
            table.add(
                common(row) + [
                    row.serverSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-",
                    row.generatorSeconds.map { decimal($0 * 1e6, places: 0) } ?? "-",
                ])
        }
        return table.text
    }

    private var connectionLines: String {
        let memory = results.memoryPerSocket
        func kibibytes(_ bytes: Double?) -> String { bytes.map { decimal($0 / 1024, places: 1) } ?? "-" }
        func seconds(_ values: [Double]) -> String { median(values).map { decimal($0, places: 2) } ?? "-" }
        return """
            An idle socket, authenticated and subscribed: \(kibibytes(memory?.serverBytes)) KiB of the server's resident memory, and \
            \(kibibytes(memory?.kernelBytes)) KiB of the kernel's for both ends
            Restart: the server killed, ready again after \(seconds(results.serverReadySeconds)) s, the last of \
            \(grouped(sizes.sockets.sockets)) sockets caught up after \(seconds(results.restartSeconds)) s
            """
    }

    var socketNotes: [String] {
        let sockets = sizes.sockets
        var notes = [
            """
            Sockets: every recipient is online and its socket has subscribed; each checks that it receives every message of its \
            conversation once and in order. The receivers are one handler a socket on one event loop of this process, and share the \
            cores with the server. Server and receiver time are user and system time for one delivery, or one connection.
            """,
            """
            One conversation: \(sockets.senders) more sockets send, with the send command. Latency is the time from sending until the \
            last receipt. The bare writer is a process of its own that writes the same bytes to as many sockets, with the same \
            receivers: a burst in one write to each socket, no storage, no order, no users. Where the limit on open files allows it, \
            both have their sockets open and are measured in turn; otherwise one after the other.
            """,
            """
            Many conversations: open loop. A message counts from the moment at which it was to be sent, its sender's own receipt does \
            not count.
            """,
            """
            Connecting: TCP, handshake, authenticate, subscribe with a position, \(ConversationsPlan.messages) missed messages, until \
            caught_up; \(sockets.connecting) at a time. Restart: SIGKILL; each socket tries again after random delays of at most \
            0.25 s, doubling to 1 s, and receives a message that was sent after the restart.
            """,
            """
            Memory of a socket: what the server's resident memory grew by from \(grouped(sockets.warmUpSockets)) to \
            \(grouped(sockets.sockets)) sockets, divided. The kernel's share (unreclaimable slabs and TCP buffers of the whole machine, \
            both ends) is in no process's resident memory and not in the aim.
            """,
        ]
        if let codes = mostTurnedAway, !codes.isEmpty {
            let counts = codes.sorted { $0.key < $1.key }.map { "\(grouped($0.value)) times with \($0.key)" }
            notes.append("After a restart sockets were told to come back later, and did: \(counts.joined(separator: ", ")).")
        }
        if let behind = results.slowReadersBehind.min() {
            notes.append(
                """
                At least \(behind) of the \(sockets.slowReaders) sockets that did not read were so far behind that the server went on \
                without them; afterwards they received everything they had missed.
                """)
        }
        return notes
    }

    /// Of the restart after which most sockets were told to come back later.
    private var mostTurnedAway: [UInt16: Int]? {
        results.turnedAway.max { $0.values.reduce(0, +) < $1.values.reduce(0, +) }
    }

    // MARK: JSON

    func writeSockets(to json: inout JSONWriter) {
        json.object { json in
            json.name("one_conversation")
            json.array(fanOutKinds.compactMap(results.row)) { write($1, to: &$0) }
            json.name("many_conversations")
            json.array([openLoopKind].compactMap(results.row)) { write($1, to: &$0) }
            json.name("connecting")
            json.array([connectingKind].compactMap(results.row)) { write($1, to: &$0) }
            json.name("idle_socket_bytes")
            json.optional(results.memoryPerSocket) { $0.rounded($1.serverBytes) }
            json.name("idle_socket_kernel_bytes")
            json.optional(results.memoryPerSocket) { $0.rounded($1.kernelBytes) }
            json.name("restart_server_ready_seconds")
            json.optional(median(results.serverReadySeconds)) { $0.rounded($1) }
            json.name("restart_seconds")
            json.optional(median(results.restartSeconds)) { $0.rounded($1) }
            json.name("restart_turned_away")
            json.optional(mostTurnedAway) { $0.integer($1.values.reduce(0, +)) }
        }
    }

    private func write(_ row: ReportRow, to json: inout JSONWriter) {
        json.object { json in
            json.name("name")
            json.string(row.kind.title)
            json.name("sockets")
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
            json.name("of_bare_writer")
            json.optional(results.ofBareWriter(row.kind)) { $0.rounded($1) }
            json.name("server_us")
            json.optional(row.serverSeconds) { $0.rounded($1 * 1e6) }
            json.name("receivers_us")
            json.optional(row.generatorSeconds) { $0.rounded($1 * 1e6) }
        }
    }
}

extension BenchResults {
    /// A row's rate beside that of the bare writer to as many sockets.
    func ofBareWriter(_ kind: RowKind) -> Double? {
        guard case .fanOut(let sockets, let burst) = kind else { return nil }
        return ratio(kind, to: .bareWriter(sockets, burst))
    }

    func besideSlowReaders(_ sizes: SocketSizes) -> Double? {
        let (sockets, slow) = (sizes.fanOuts[0], sizes.slowReaders)
        return ratio(.besideSlowReaders(sockets, slow), to: .withoutSlowReaders(sockets, slow))
    }

    /// Medians.
    var memoryPerSocket: SocketMemory? {
        guard let server = median(socketMemory.map(\.serverBytes)), let kernel = median(socketMemory.map(\.kernelBytes)) else { return nil }
        return SocketMemory(serverBytes: server, kernelBytes: kernel)
    }
}
