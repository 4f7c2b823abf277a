import ParleyModel

/// The part on a cluster.
extension BenchReport {
    private var clusterCreateKinds: [RowKind] {
        let rows = sizes.concurrencies.flatMap { senders in
            [RowKind.createsOverMany(senders), .createsOverOne(senders)].flatMap { row in ClusterPlace.allCases.map { RowKind.on($0, row) }
            }
        }
        let groups = [ClusterPlace.oneNode, .twoNodes].flatMap { place in
            [sizes.smallGroup, sizes.largeGroup].map { RowKind.on(place, .createsInGroup($0, sizes.aimConcurrency)) }
        }
        return rows + groups
    }

    private var clusterReadKinds: [RowKind] {
        (sizes.concurrencies.map(RowKind.emptyRoute) + readKinds).flatMap { row in
            [ClusterPlace.oneNode, .twoNodes].map { RowKind.on($0, row) }
        }
    }

    // MARK: Text

    var clusterParts: [String] {
        [
            section("Limits of the engines", limitTable),
            section("Creates through the cluster", clusterCreateTable),
            section("Where the time of a create goes, in us of processor time", timeTable),
            section("Empty route, and reads (pages of \(BenchSizes.pageLimit)), through the cluster", readTable(clusterReadKinds)),
        ]
    }

    private var limitTable: String {
        var table = TextTable(["", "callers", "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "machine us"])
        for row in results.engineKinds.compactMap(results.row) { table.add(common(row) + [microseconds(row.machineSeconds)]) }
        return table.text
    }

    private var clusterCreateTable: String {
        var table = TextTable([
            "", "conns", "per second", "lowest-highest", "p50 ms", "p99 ms", "p99.9 ms", "/ plain", "server us", "machine us",
            "generator us",
        ])
        for row in clusterCreateKinds.compactMap(results.row) {
            table.add(
                common(row) + [
                    ofPlainService(row.kind).map { decimal($0, places: 1) } ?? "-",
                    (row.becameQuiet ? "" : ">") + microseconds(row.serverSeconds),
                    (row.becameQuiet ? "" : ">") + microseconds(row.machineSeconds), microseconds(row.generatorSeconds),
                ])
        }
        return table.text
    }

    private var timeTable: String {
        var table = TextTable(["", "conns", "servers"] + EngineUsage.Engine.allCases.map(\.rawValue) + ["generator"])
        for row in clusterCreateKinds.compactMap(results.row) {
            let engines = EngineUsage.Engine.allCases.map { microseconds(row.engineSeconds[$0]) }
            table.add(
                [row.kind.title, "\(row.kind.connections)", microseconds(row.serverSeconds)] + engines + [
                    microseconds(row.generatorSeconds)
                ])
        }
        return table.text
    }

    private func ofPlainService(_ kind: RowKind) -> Double? {
        guard case .on(let place, let row) = kind, place != .plainService else { return nil }
        return results.ratio(kind, to: .on(.plainService, row))
    }

    private func microseconds(_ seconds: Double?) -> String { seconds.map { decimal($0 * 1e6, places: 0) } ?? "-" }

    var clusterNotes: [String] {
        [
            """
            The plain service does for each message, one after the other and each by itself: the sequence upsert and the metadata update \
            in PostgreSQL, the insert in MongoDB (majority), the PUBLISH in Redis, the confirmed publish in RabbitMQ; the same HTTP server, \
            tokens, JSON and engine clients, as many connections, and no look-up of participants or of the client's key. Nobody takes its jobs.
            """,
            """
            Engines, nodes, plain service and load generator share the machine. Both nodes run in all rows; "one node" sends to one of them. \
            A node's push worker steps back while that node gets messages: in the rows of one node the other node's does not. Machine time \
            is that of all processes for one request, effects done after the answer included where there is no ">".
            """,
            """
            Many conversations: \(grouped(sizes.conversations)) groups of at most \(sizes.concurrencies.count + 1); the hot one: a group of all \
            \(sizes.maxConcurrency) senders. Every recipient is offline: each message becomes push jobs, with the push provider \
            \(pushProvider.rawValue). Each create has a client_message_id and a text of 100 characters.
            """,
        ]
    }

    // MARK: JSON

    func writeCluster(to json: inout JSONWriter) {
        json.object { json in
            json.name("engines")
            json.array(results.engineKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
            json.name("creates")
            json.array(clusterCreateKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
            json.name("reads")
            json.array(clusterReadKinds.compactMap(results.row)) { writeRow($1, to: &$0) }
        }
    }
}
