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
    /// As few questions to each store as their limit of users allows, however many jobs and conversations there are.
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

    /// Without a conversation that alone cannot be read: its jobs wait for their lease, and do not hold up the others,
    /// which would be leased together with them time and again. Throws when there is no point in asking for the next.
    private func standings(
        of users: [ConversationID: Set<UserID>]
    ) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        var standings = users.mapValues { _ in [UserID: PushStanding]() }
        for question in questions(about: users) {
            do throws(StoreError) {
                standings.add(try await conversations.pushStandings(of: question))
            } catch {
                if case .unavailable = error { throw error }
                for (conversation, users) in question {
                    if let found = try await standingsAlone(of: users, in: conversation) {
                        standings.add([conversation: found])
                    } else {
                        standings[conversation] = nil
                    }
                }
            }
        }
        return standings
    }

    /// Nil for a conversation that cannot be read.
    private func standingsAlone(
        of users: [UserID], in conversation: ConversationID
    ) async throws(StoreError) -> [UserID: PushStanding]? {
        do throws(StoreError) {
            return try await conversations.pushStandings(of: users, in: conversation)
        } catch {
            if case .unavailable = error { throw error }
            logger.error(
                "push worker cannot read a conversation", metadata: ["conversation_id": "\(conversation)", "error": "\(error)"])
            return nil
        }
    }

    private func questions(about users: [ConversationID: Set<UserID>]) -> [[ConversationID: [UserID]]] {
        var questions: [[ConversationID: [UserID]]] = []
        var question: [ConversationID: [UserID]] = [:]
        var room = configuration.maxUsersPerQuery
        for (conversation, users) in users {
            var rest = Array(users)[...]
            while !rest.isEmpty {
                let asked = rest.prefix(room)
                question[conversation] = Array(asked)
                rest = rest.dropFirst(asked.count)
                room -= asked.count
                guard room == 0 else { continue }
                questions.append(question)
                (question, room) = ([:], configuration.maxUsersPerQuery)
            }
        }
        return question.isEmpty ? questions : questions + [question]
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

extension [ConversationID: [UserID: PushStanding]] {
    /// More users of conversations that can be read; one that was taken out stays out.
    fileprivate mutating func add(_ more: Self) {
        for (conversation, standings) in more { self[conversation]?.merge(standings) { $1 } }
    }
}
