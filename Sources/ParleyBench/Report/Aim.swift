/// Something that Parley aims for, and whether a run met it.
public struct Aim: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        case met
        case missed
        /// The run cannot tell, for this reason.
        case notJudged(String)
    }

    public let name: String
    public let measured: Double
    public let limit: Double
    /// Whether `measured` must be at least the limit; else at most.
    public let isAtLeast: Bool
    public let verdict: Verdict

    init(_ name: String, measured: Double, atLeast limit: Double, notJudged reason: String?) {
        self.init(name: name, measured: measured, limit: limit, isAtLeast: true, notJudged: reason)
    }

    init(_ name: String, measured: Double, atMost limit: Double, notJudged reason: String?) {
        self.init(name: name, measured: measured, limit: limit, isAtLeast: false, notJudged: reason)
    }

    private init(name: String, measured: Double, limit: Double, isAtLeast: Bool, notJudged reason: String?) {
        self.name = name
        self.measured = measured
        self.limit = limit
        self.isAtLeast = isAtLeast
        let isMet = isAtLeast ? measured >= limit : measured <= limit
        verdict = reason.map { .notJudged($0) } ?? (isMet ? .met : .missed)
    }

    /// "As fast as" leaves a tenth for noise.
    private static let asFast = 0.9

    /// The aims of the run, as far as their rows were measured.
    static func all(_ results: BenchResults, sizes: BenchSizes, notJudged reason: String?) -> [Aim] {
        let senders = sizes.aimConcurrency
        let ofEmptyRoute = [RowKind.createsOverMany(senders), .createsOverOne(senders)].compactMap { kind in
            results.row(kind)?.ofEmptyRoute.map {
                Aim(
                    "\(kind.title), \(senders) senders: rate as a part of the empty route's", measured: $0, atLeast: 0.5,
                    notJudged: reason)
            }
        }
        let inDiskCommits = [RowKind.createsOverMany(1), .createsOverOne(1)].compactMap { kind in
            results.row(kind)?.p50InDiskCommits.map {
                Aim("\(kind.title), one sender: p50 in disk commits", measured: $0, atMost: 2, notJudged: reason)
            }
        }
        let asFast = [
            (RowKind.history(sizes.largeHistory), RowKind.history(sizes.smallHistory)),
            (RowKind.createsInGroup(sizes.largeGroup, senders), RowKind.createsInGroup(sizes.smallGroup, senders)),
        ].compactMap { large, small in
            results.ratio(large, to: small).map {
                Aim(
                    "\(large.title): rate as a part of that of \(small.title)", measured: $0, atLeast: Self.asFast,
                    notJudged: reason)
            }
        }
        return ofEmptyRoute + inDiskCommits + asFast + ofSockets(results, sizes: sizes.sockets, notJudged: reason)
            + ofCluster(results, sizes: sizes, notJudged: reason) + ofPush(results, sizes: sizes.push, notJudged: reason)
    }

    private static func ofCluster(_ results: BenchResults, sizes: BenchSizes, notJudged reason: String?) -> [Aim] {
        let senders = sizes.aimConcurrency
        let many = RowKind.createsOverMany(senders)
        let hot = RowKind.createsOverOne(senders)
        let alone = RowKind.createsOverMany(1)
        let (small, large) = (RowKind.createsInGroup(sizes.smallGroup, senders), RowKind.createsInGroup(sizes.largeGroup, senders))
        let groups = [ClusterPlace.oneNode, .twoNodes].compactMap { place in
            results.ratio(.on(place, large), to: .on(place, small)).map {
                Aim(
                    "\(RowKind.on(place, large).title): rate as a part of that of \(small.title)", measured: $0, atLeast: Self.asFast,
                    notJudged: reason)
            }
        }
        return [
            results.ratio(.on(.oneNode, many), to: .on(.plainService, many)).map {
                Aim(
                    "\(many.title), \(senders) senders, one node: rate in the plain service's", measured: $0, atLeast: 10, notJudged: reason
                )
            },
            results.p50Ratio(.on(.oneNode, alone), to: .on(.plainService, alone)).map {
                Aim("\(alone.title), one sender, one node: p50 in the plain service's", measured: $0, atMost: 1, notJudged: reason)
            },
            results.ratio(.on(.twoNodes, hot), to: .on(.twoNodes, many)).map {
                Aim(
                    "\(hot.title), \(senders) senders, two nodes: rate as a part of that over many", measured: $0, atLeast: 1.0 / 3,
                    notJudged: reason)
            },
        ].compactMap { $0 } + groups
    }

    private static func ofSockets(_ results: BenchResults, sizes: SocketSizes, notJudged reason: String?) -> [Aim] {
        let fanOuts = sizes.fanOuts.flatMap { sockets in [RowKind.fanOut(sockets, 1), .fanOut(sockets, sizes.burst)] }
        let ofWriter = fanOuts.compactMap { kind in
            results.ofBareWriter(kind).map {
                Aim(
                    "\(kind.title), \(grouped(kind.connections)) sockets: rate as a part of the bare writer's", measured: $0,
                    atLeast: 0.6, notJudged: reason)
            }
        }
        let openLoop = RowKind.openLoop(sizes.conversations, sizes.participants)
        let latency = results.row(openLoop).map {
            Aim("\(openLoop.title): p99 in ms", measured: $0.p99 * 1e3, atMost: 20, notJudged: reason)
        }
        let restart = median(results.restartSeconds).map {
            Aim(
                "restart: seconds until the last of \(grouped(sizes.sockets)) sockets is caught up", measured: $0, atMost: 10,
                notJudged: reason)
        }
        let memory = results.memoryPerSocket.map {
            Aim("an idle socket: KiB of the server's memory", measured: $0.serverBytes / 1024, atMost: 16, notJudged: reason)
        }
        let slow = results.besideSlowReaders(sizes).map {
            Aim(
                "\(sizes.slowReaders) sockets that do not read: rate to the others as a part of that without them", measured: $0,
                atLeast: 0.95, notJudged: reason)
        }
        return ofWriter + [latency, restart, memory, slow].compactMap { $0 }
    }
}
