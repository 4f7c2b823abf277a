public import Logging
import NIOCore
public import ParleyCore
import ParleyModel
public import ServiceLifecycle

/// What the hub does of itself as time passes: asks the store for the newest numbers, so that an event that the bus lost
/// shows although nothing follows it; renews the leases of those who are here; looks after whose presence is watched.
public struct HubClock: Service {
    private enum Beat {
        case time
        case reconnected
    }

    /// Users whose revocations are read at once.
    private static let usersAtOnce = 1000

    private let hub: Hub
    private let bus: any EventBus
    private let resume: ResumeService
    private let presence: PresenceService
    private let revocations: TokenRevocations
    private let losesEvents: Bool
    private let logger: Logger
    private let pollSeconds: Double

    /// The store is asked five times a heartbeat, so that what a heartbeat says is never older than that, and often enough
    /// for leases to be renewed in time.
    ///
    /// - Parameter bus: When it has lost events, the store is asked at once.
    public init(
        hub: Hub, bus: any EventBus, resume: ResumeService, presence: PresenceService, revocations: TokenRevocations,
        configuration: GatewayConfiguration, logger: Logger
    ) {
        self.hub = hub
        self.bus = bus
        self.resume = resume
        self.presence = presence
        self.revocations = revocations
        losesEvents = configuration.busLosesEvents
        self.logger = logger
        pollSeconds = min(max(0.2, Double(configuration.heartbeatSeconds) / 5), PresenceLease.renewalSeconds / 2)
    }

    /// Until graceful shutdown; then every connection is told to come back later. So it must be shut down before the
    /// server, which waits for its connections.
    public func run() async throws {
        await follow()
        for part in hub.parts { part.onLoop { part.drain() } }
    }

    private func follow() async {
        let (beats, beat) = AsyncStream.makeStream(of: Beat.self, bufferingPolicy: .bufferingNewest(2))
        bus.onReconnect { [parts = hub.parts] in
            for part in parts { part.onLoop { part.lookForLostChanges() } }
            beat.yield(.reconnected)
        }
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask {
                    while (try? await Task.sleep(for: .seconds(pollSeconds))) != nil { beat.yield(.time) }
                }
                await follow(beats)
            }
        }
    }

    private func follow(_ beats: AsyncStream<Beat>) async {
        var mark: ActivityMark?
        var sinceRenewal = 0.0
        for await beat in beats {
            if beat == .time { sinceRenewal += pollSeconds }
            let users = hub.users
            if users.isEmpty {
                mark = nil
                continue
            }
            mark = await look(after: mark)
            if beat == .reconnected { await endRevoked(users) }
            if sinceRenewal >= PresenceLease.renewalSeconds {
                sinceRenewal = 0
                await presence.renew(users)
                await endRevoked(users)
                await refreshWatched()
            }
        }
    }

    /// Without a mark there is nothing to compare with yet.
    private func look(after mark: ActivityMark?) async -> ActivityMark? {
        let now = resume.now()
        do throws(StoreError) {
            let heads = try await resume.heads(after: mark)
            guard mark != nil else { return heads.mark }
            let cursor = ResumeCursor(mark: heads.mark, time: now)
            for part in hub.parts { part.onLoop { part.learn(heads.sequences, cursor: cursor) } }
            return heads.mark
        } catch {
            if !Task.isCancelled { logger.warning("the newest sequence numbers could not be read", metadata: ["error": "\(error)"]) }
            return mark
        }
    }

    /// Sockets with tokens that were revoked when the bus was not heard (P7).
    private func endRevoked(_ users: [UserID]) async {
        guard losesEvents else { return }
        for start in stride(from: 0, to: users.count, by: Self.usersAtOnce) {
            let some = Array(users[start..<min(start + Self.usersAtOnce, users.count)])
            do throws(StoreError) {
                hub.receive(try await revocations.missed(among: some))
            } catch {
                if !Task.isCancelled { logger.warning("revoked tokens could not be read", metadata: ["error": "\(error)"]) }
                return
            }
        }
    }

    private func refreshWatched() async {
        for part in hub.parts {
            let watched = (try? await part.loop.submit { part.watch.watchedUsers }.get()) ?? []
            guard !watched.isEmpty, let states = try? await presence.settledStates(of: watched) else { continue }
            part.onLoop { for (user, state) in states { part.watch.tell(user, state) } }
        }
    }
}
