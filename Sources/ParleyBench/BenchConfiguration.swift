import Foundation
public import ParleyModel

/// What a benchmark run needs to know, and the three things it cannot do itself: open the stores for seeding, make
/// tokens, and tell how far it is.
public struct BenchConfiguration: Sendable {
    /// Which push provider the measured server uses. `log` is the server's default, so the tables are made with it.
    public enum PushProvider: String, Sendable, CaseIterable {
        case log, none
    }

    /// What a run measures.
    public enum Part: String, Sendable, CaseIterable {
        /// Requests over HTTP: creates, history, lists.
        case creates
        /// Deliveries to sockets.
        case sockets
        /// Creates and reads through a cluster, and what its engines can do: by itself, with ``BenchConfiguration/cluster``.
        case cluster
        /// Notifications through push workers: by itself, with ``BenchConfiguration/push``.
        case push
    }

    public var parts: Set<Part> = [.creates, .sockets]
    /// The program to start with `serve`; nil for the program that runs the benchmark.
    public var executable: String?
    /// How long each row is measured, after a warm-up of a fifth of it (at most a second).
    /// Nil for five seconds, or half a second in a quick run.
    public var seconds: Double?
    /// How often each row is measured; the report gives medians. Nil for three times, or once in a quick run.
    public var repeats: Int?
    /// At which numbers of senders creates are measured; nil for all of the tables. Aims that need others are left out.
    public var senders: [Int]?
    /// A short smoke run: small sizes, two concurrencies. Judges no aims.
    public var isQuick: Bool = false
    /// Where the run makes its own temporary folders. The disk behind it is part of what is measured, so this must not
    /// be a file system in memory; the report says so when it is.
    public var parentFolder: String = "/var/tmp"
    public var pushProvider: PushProvider = .log
    /// What ``Part/cluster`` is measured on.
    public var cluster: ClusterTarget?
    /// What ``Part/push`` is measured on.
    public var push: PushTarget?
    /// How long to wait after a row until the server has done the row's effects (publishing, push jobs) and is quiet.
    public var settleSeconds: Double = 15

    /// Opens the stores of a data folder, migrated, for seeding; they are closed before the server starts.
    public var openStores: @Sendable (_ dataFolder: String) async throws -> SeedStores
    /// A token for a user, signed with the secret that the server is started with. It must outlive the run.
    public var token: @Sendable (_ user: UserID, _ secret: String) async throws -> String
    /// Takes a line about what is being done.
    public var progress: @Sendable (String) -> Void
    let pushTally = PushTally()

    public init(
        openStores: @escaping @Sendable (_ dataFolder: String) async throws -> SeedStores,
        token: @escaping @Sendable (_ user: UserID, _ secret: String) async throws -> String,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.openStores = openStores
        self.token = token
        self.progress = progress
    }

    var serverExecutable: String {
        executable ?? (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    var sizes: BenchSizes {
        var sizes = isQuick ? BenchSizes.quick : .full
        if let senders { sizes.concurrencies = senders }
        return sizes
    }
    var measuredSeconds: Double { seconds ?? (isQuick ? 0.5 : 5) }
    var warmUpSeconds: Double { min(1, measuredSeconds / 5) }
    var diskSeconds: Double { min(1, measuredSeconds) }
    var measuredRepeats: Int { max(1, repeats ?? (isQuick ? 1 : 3)) }
}

/// How much of everything a run measures.
struct BenchSizes: Sendable, Equatable {
    var concurrencies: [Int]
    /// Where the aims on ratios are judged.
    let aimConcurrency: Int
    let readerConnections: Int
    let conversations: Int
    let smallHistory: Int
    let largeHistory: Int
    let listedConversations: Int
    let smallGroup: Int
    let largeGroup: Int
    let sockets: SocketSizes
    let push: PushSizes

    static let full = BenchSizes(
        concurrencies: [1, 16, 64, 256], aimConcurrency: 64, readerConnections: 16, conversations: 1000, smallHistory: 1000,
        largeHistory: 1_000_000, listedConversations: 1000, smallGroup: 10, largeGroup: 100_000,
        sockets: .full, push: .full)

    static let quick = BenchSizes(
        concurrencies: [1, 64], aimConcurrency: 64, readerConnections: 16, conversations: 100, smallHistory: 200,
        largeHistory: 5000, listedConversations: 100, smallGroup: 10, largeGroup: 1000,
        sockets: .quick, push: .quick)

    /// Messages or conversations on a page.
    static let pageLimit = 50

    var maxConcurrency: Int { concurrencies.max() ?? 1 }
}
