import Logging
import ParleyCore
import ParleyModel

/// What the stores say of everybody named in some jobs.
struct PushAudience {
    /// Conversations that are missing here could not be read.
    var standings: [ConversationID: [UserID: PushStanding]] = [:]
    var attended: Set<UserID> = []
    /// Of recipients and senders; who is missing has said nothing.
    var settings: [UserID: NotificationSettings] = [:]

    func settings(of user: UserID) -> NotificationSettings { settings[user] ?? .unsaid }
}

extension PushWorker {
    /// One question to the conversation store, however many conversations and jobs there are.
    func audience(of jobs: [LeasedPushJob]) async throws(StoreError) -> PushAudience {
        var recipients: [ConversationID: Set<UserID>] = [:]
        for leased in jobs { recipients[leased.job.conversationID, default: []].formUnion(leased.job.recipients) }

        var audience = PushAudience()
        audience.standings = try await standings(of: recipients)
        let participants = Set(audience.standings.values.flatMap(\.keys))
        audience.attended = await attended(among: participants)
        for part in parts(of: participants.union(jobs.map(\.job.senderID))) {
            audience.settings.merge(try await settings.notificationSettings(of: part)) { $1 }
        }
        return audience
    }

    /// Where one cannot be read, each is asked for by itself.
    private func standings(of recipients: [ConversationID: Set<UserID>]) async throws(StoreError)
        -> [ConversationID: [UserID: PushStanding]]
    {
        if recipients.count > 1, recipients.values.reduce(0, { $0 + $1.count }) <= configuration.maxUsersPerQuery {
            do throws(StoreError) {
                return try await conversations.pushStandings(of: recipients.mapValues(Array.init))
            } catch {
                if case .unavailable = error { throw error }
            }
        }
        var standings: [ConversationID: [UserID: PushStanding]] = [:]
        for (conversation, users) in recipients { standings[conversation] = try await self.standings(of: users, in: conversation) }
        return standings
    }

    /// Nil for a conversation that alone cannot be read: its jobs wait for their lease, and do not hold up the others,
    /// which would be leased together with them time and again. Throws when there is no point in asking for the next.
    private func standings(of users: Set<UserID>, in conversation: ConversationID) async throws(StoreError)
        -> [UserID: PushStanding]?
    {
        var standings: [UserID: PushStanding] = [:]
        for part in parts(of: users) {
            do throws(StoreError) {
                standings.merge(try await conversations.pushStandings(of: part, in: conversation)) { $1 }
            } catch {
                if case .unavailable = error { throw error }
                logger.error(
                    "push worker cannot read a conversation",
                    metadata: ["conversation_id": "\(conversation)", "error": "\(error)"])
                return nil
            }
        }
        return standings
    }

    /// Those of whom it cannot be known count as away.
    private func attended(among users: Set<UserID>) async -> Set<UserID> {
        var attended: Set<UserID> = []
        for part in parts(of: users) {
            do throws(StoreError) {
                attended.formUnion(try await presence.attended(among: part))
            } catch {
                logger.warning("push worker cannot see who is online", metadata: ["error": "\(error)"])
                return attended
            }
        }
        return attended
    }

    func devices(of users: Set<UserID>) async throws(StoreError) -> [UserID: [Device]] {
        var found: [UserID: [Device]] = [:]
        for part in parts(of: users) { found.merge(try await devices.devices(of: part)) { $1 } }
        return found
    }

    func unreadTotals(of users: Set<UserID>) async throws(StoreError) -> [UserID: Int64] {
        var totals: [UserID: Int64] = [:]
        for part in parts(of: users) { totals.merge(try await ledger.unreadTotals(of: part)) { $1 } }
        return totals
    }

    private func parts(of users: Set<UserID>) -> [[UserID]] {
        let users = Array(users)
        return stride(from: 0, to: users.count, by: configuration.maxUsersPerQuery).map { start in
            Array(users[start..<min(start + configuration.maxUsersPerQuery, users.count)])
        }
    }
}
