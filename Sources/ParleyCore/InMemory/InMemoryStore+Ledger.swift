public import ParleyModel

extension InMemoryStore: PushLedger {
    // MARK: Alerts

    public func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) -> [AlertKey: AlertClaim] {
        var claims: [AlertKey: AlertClaim] = [:]
        for alert in alerts where claims[alert.key] == nil { claims[alert.key] = claim(alert, until: until, at: now) }
        return claims
    }

    private func claim(_ alert: IntendedAlert, until: Timestamp, at now: Timestamp) -> AlertClaim {
        let (device, user) = (alert.key.deviceID, alert.userID)
        guard conversations[alert.conversationID] != nil, devices.contains(where: { $0.id == device && $0.userID == user }) else {
            return .sent
        }
        let known = ledger.alerts[alert.key]
        if let known {
            if known.isSent { return .sent }
            if known.at > now { return .held }
        }
        let told = ledger.told[user]?[device] ?? .init(reads: ledger.reads(of: user))
        ledger.told[user, default: [:]][device] = told
        let place = LedgerRecords.Place(userID: user, conversationID: alert.conversationID)
        ledger.alerts[alert.key] = .init(
            place: place, sequenceNumber: alert.sequenceNumber, isDoubtful: known != nil, at: until, reads: told.reads)
        // One that was claimed before counts already, unless something was read since.
        let shown = ledger.shown(place, on: device)
        ledger.setShown(known == nil ? shown + 1 : max(shown, 1), place, on: device)
        return .granted(earlier: known == nil ? shown : max(shown - 1, 0))
    }

    public func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) {
        for (key, outcome) in outcomes {
            guard let alert = ledger.alerts[key], !alert.isSent else { continue }
            switch outcome {
            case .released where alert.isDoubtful: ledger.alerts[key]?.at = now
            case .released:
                ledger.alerts[key] = nil
                uncount(key, alert)
            case .sent(let badge): noteShown(key, alert, badge: badge, isCertain: true, at: now)
            case .unknown(let badge): noteShown(key, alert, badge: badge, isCertain: false, at: now)
            }
        }
    }

    private func noteShown(_ key: AlertKey, _ alert: LedgerRecords.Alert, badge: Int64?, isCertain: Bool, at now: Timestamp) {
        ledger.alerts[key]?.isSent = isCertain
        ledger.alerts[key]?.at = now
        let place = alert.place
        var isOutdated = false
        if let badge, let told = ledger.told[place.userID]?[key.deviceID] {
            // Of 0 that may not have arrived nothing follows: the number before may still be there.
            if isCertain || badge != 0 { ledger.told[place.userID]?[key.deviceID]?.badge = badge }
            isOutdated = badge != 0 && told.reads != alert.reads
        }
        if let marker = conversations[place.conversationID]?.participants[place.userID]?.lastReadSequence,
            marker < alert.sequenceNumber ?? .max
        {
            // It counts since its claim, unless something before it was read meanwhile.
            ledger.setShown(max(ledger.shown(place, on: key.deviceID), 1), place, on: key.deviceID)
        } else {
            uncount(key, alert)
            isOutdated = true
        }
        if isOutdated { makeDue(place, at: now) }
    }

    /// What was read since the claim has set the count back already, if it was of this conversation.
    private func uncount(_ key: AlertKey, _ alert: LedgerRecords.Alert) {
        guard ledger.told[alert.place.userID]?[key.deviceID]?.reads == alert.reads else { return }
        ledger.setShown(ledger.shown(alert.place, on: key.deviceID) - 1, alert.place, on: key.deviceID)
    }

    public func forgetAlerts(before moment: Timestamp, limit: Int) -> Int {
        let end = MessageID.lowest(of: moment).high
        let old = ledger.alerts.keys.filter { $0.messageID.high < end }.sorted { $0.messageID.high < $1.messageID.high }.prefix(limit)
        for key in old { ledger.alerts[key] = nil }
        return old.count
    }

    // MARK: Taking back

    /// For whoever reads in a conversation, or leaves it; after the change.
    func noteRead(by user: UserID, in conversation: ConversationID, at now: Timestamp) {
        guard let told = ledger.told[user], !told.isEmpty else { return }
        ledger.told[user] = told.mapValues { .init(badge: $0.badge, reads: $0.reads + 1) }
        let place = LedgerRecords.Place(userID: user, conversationID: conversation)
        let showed = ledger.shown.removeValue(forKey: place) != nil
        if showed || ledger.due[place] != nil || told.values.contains(where: { $0.badge != 0 }) { makeDue(place, at: now) }
    }

    private func makeDue(_ place: LedgerRecords.Place, at now: Timestamp) {
        let record = conversations[place.conversationID]
        let sequence = record?.participants[place.userID]?.lastReadSequence ?? record?.appliedSequence ?? 0
        var due = ledger.due[place] ?? .init(lastReadSequence: sequence, dueAt: now)
        due.lastReadSequence = max(due.lastReadSequence, sequence)
        due.isRenewed = true
        ledger.due[place] = due
    }

    public func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) -> [TakeBack] {
        let places = ledger.due.filter { $0.value.dueAt <= now }.sorted { $0.value.dueAt < $1.value.dueAt }.prefix(limit).map(\.key)
        return places.compactMap { place in
            guard var due = ledger.due[place] else { return nil }
            due.attempts += 1
            due.dueAt = now.advanced(bySeconds: seconds)
            due.leasedSequence = due.lastReadSequence
            due.reads = ledger.reads(of: place.userID)
            due.isRenewed = false
            ledger.due[place] = due
            return TakeBack(
                userID: place.userID, conversationID: place.conversationID, lastReadSequence: due.lastReadSequence, attempt: due.attempts)
        }
    }

    public func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) {
        for (takeBack, result) in results {
            let place = LedgerRecords.Place(userID: takeBack.userID, conversationID: takeBack.conversationID)
            if case .done(let badges) = result { note(badges, of: takeBack.userID) }
            guard let due = ledger.due[place], due.attempts == takeBack.attempt, due.leasedSequence == takeBack.lastReadSequence
            else { continue }
            switch result {
            case .retry(let seconds): ledger.due[place]?.dueAt = now.advanced(bySeconds: seconds)
            case .done(let badges): ledger.due[place] = rest(of: due, after: badges, of: takeBack.userID, at: now)
            }
        }
    }

    private func note(_ badges: [DeviceID: Int64], of user: UserID) {
        for (device, badge) in badges {
            if ledger.told[user]?[device] != nil {
                ledger.told[user]?[device]?.badge = badge
            } else if badge != 0, devices.contains(where: { $0.id == device && $0.userID == user }) {
                ledger.told[user, default: [:]][device] = .init(badge: badge, reads: ledger.reads(of: user))
            }
        }
    }

    /// What is still due when these badges have been told; nil for nothing.
    private func rest(of due: LedgerRecords.Due, after badges: [DeviceID: Int64], of user: UserID, at now: Timestamp)
        -> LedgerRecords.Due?
    {
        let isOutdated = ledger.reads(of: user) != due.reads && badges.values.contains { $0 != 0 }
        guard due.isRenewed || isOutdated else { return nil }
        var rest = due
        rest.dueAt = now
        rest.leasedSequence = nil
        if due.lastReadSequence > due.leasedSequence ?? 0 { rest.attempts = 0 }
        return rest
    }

    // MARK: Counting

    public func unreadTotals(of users: [UserID]) -> [UserID: Int64] {
        var totals: [UserID: Int64] = [:]
        for user in users {
            totals[user] = conversations.values.reduce(0) { sum, record in
                sum + (record.participants[user].map { record.readState(of: $0, user).unreadCount } ?? 0)
            }
        }
        return totals
    }
}
