public import Logging
import NIOCore
public import ParleyCore
import ParleyModel
public import ServiceLifecycle

/// What the hub does of itself as time passes: asks the store for the newest numbers, so that an event that the bus lost
/// shows although nothing follows it, and for departures, so that nobody goes on listening who was taken out; renews the
/// leases of those who are here; looks after whose presence is watched.
public struct HubClock: Service {
    private enum Beat {
        case time
        case reconnected
    }

    /// Users whose revocations are read at once.
    private static let usersAtOnce = 1000
    /// How often departures are looked for, so that with the time of a look, and the moment that an event has, one holds within a
    /// second (P7).
    static let departureSeconds = 0.8

    private let hub: Hub
    private let bus: any EventBus
    private let resume: ResumeService
    private let presence: PresenceService
    private let revocations: TokenRevocations
    private let departures: (any DepartureLog)?
    private let losesEvents: Bool
    private let logger: Logger
    private let pollSeconds: Double

    /// The store is asked five times a heartbeat, so that what a heartbeat says is never older than that, and often enough
    /// for leases to be renewed in time.
    ///
    /// - Parameters:
    ///   - bus: When it has lost events, the store is asked at once.
    ///   - departures: Nil where the bus tells of each.
    public init(
        hub: Hub, bus: any EventBus, resume: ResumeService, presence: PresenceService, revocations: TokenRevocations,
        departures: (any DepartureLog)?, configuration: GatewayConfiguration, logger: Logger
    ) {
        self.departures = departures
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
        await tick()
        for part in hub.parts { part.onLoop { part.drain() } }
    }

    /// The same without telling anybody at the end.
    func tick() async {
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
                if let departures { group.addTask { await followDepartures(LostDepartures(departures, from: resume.now())) } }
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

    /// One question after the other, whatever the number of users here. Nobody asks where nobody is.
    private func followDepartures(_ departures: LostDepartures) async {
        var departures = departures
        while (try? await Task.sleep(for: .seconds(Self.departureSeconds))) != nil {
            let users = hub.users
            if users.isEmpty {
                departures.pass(to: resume.now())
                continue
            }
            do throws(StoreError) {
                let found = try await departures.look(at: resume.now())
                if found.isEmpty { continue }
                let here = Set(users)
                let due = found.filter { here.contains($0.userID) }
                if !due.isEmpty { for part in hub.parts { part.onLoop { part.departed(due) } } }
            } catch {
                if !Task.isCancelled { logger.warning("departures could not be read", metadata: ["error": "\(error)"]) }
            }
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
            guard let (watched, mark) = try? await part.loop.submit({ (part.watch.watchedUsers, part.watch.mark) }).get(), !watched.isEmpty,
                let states = try? await presence.settledStates(of: watched)
            else { continue }
            part.onLoop { part.watch.refresh(states, since: mark) }
        }
    }
}
