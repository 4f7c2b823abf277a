import ParleyModel

/// What ``InMemoryStore`` remembers of alerts and devices.
struct LedgerRecords {
    /// A user in a conversation.
    struct Place: Hashable {
        let userID: UserID
        let conversationID: ConversationID
    }

    struct Alert {
        let place: Place
        let sequenceNumber: Int64?
        var isSent = false
        /// Whether an earlier claim ended and it is not known whether the alert was sent.
        var isDoubtful = false
        /// When it was sent; until then, when the claim ends.
        var at: Timestamp
        /// ``Told/reads`` at the claim.
        let reads: Int64
    }

    /// A device that an alert was meant for.
    struct Told {
        var badge: Int64 = 0
        /// How often its user has read since one of their devices is here: a badge that was counted before a reading and told
        /// after it is known by that. The same for all of a user's devices.
        var reads: Int64
    }

    struct Due {
        var lastReadSequence: Int64
        /// When it may be handed out: from the beginning, or after the end of a lease.
        var dueAt: Timestamp
        var attempts = 0
        /// Of the newest lease: `lastReadSequence`, and ``Told/reads``, when it began.
        var leasedSequence: Int64?
        var reads: Int64 = 0
        /// Whether there was cause for it again since the newest lease began.
        var isRenewed = false
    }

    var alerts: [AlertKey: Alert] = [:]
    /// How many alerts of a conversation each device may show: those claimed since the user last read in it, but for released ones.
    var shown: [Place: [DeviceID: Int]] = [:]
    var told: [UserID: [DeviceID: Told]] = [:]
    var due: [Place: Due] = [:]

    func reads(of user: UserID) -> Int64 { told[user]?.values.map(\.reads).max() ?? 0 }

    func shown(_ place: Place, on device: DeviceID) -> Int { shown[place]?[device] ?? 0 }

    mutating func setShown(_ count: Int, _ place: Place, on device: DeviceID) {
        shown[place, default: [:]][device] = count > 0 ? count : nil
        if shown[place]?.isEmpty == true { shown[place] = nil }
    }

    mutating func forget(_ device: DeviceID, of user: UserID) {
        told[user]?[device] = nil
        forgetAlerts(on: device)
    }

    /// The number that the device shows goes with it.
    mutating func move(_ device: DeviceID, from old: UserID, to new: UserID) {
        guard old != new else { return }
        forgetAlerts(on: device)
        guard let moved = told[old]?.removeValue(forKey: device) else { return }
        told[new, default: [:]][device] = Told(badge: moved.badge, reads: reads(of: new))
    }

    private mutating func forgetAlerts(on device: DeviceID) {
        alerts = alerts.filter { $0.key.deviceID != device }
        for place in shown.keys where shown[place]?.removeValue(forKey: device) != nil {
            if shown[place]?.isEmpty == true { shown[place] = nil }
        }
    }
}
