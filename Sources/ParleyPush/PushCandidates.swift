import ParleyCore
import ParleyModel

/// The alerts that a portion of jobs asks for: each recipient on each device that a provider serves.
struct PushCandidates {
    struct Candidate {
        /// Which of the selection's jobs.
        let job: Int
        let recipient: UserID
        let device: Device?
        let lane: PushLane
        /// Nil without device: then nothing is remembered of the alert.
        let key: AlertKey?
    }

    private(set) var all: [Candidate] = []
    /// Alerts that have to wait for their moment.
    private(set) var waits: [(job: Int, wait: PushWait)] = []
    private(set) var drops: [DropReason: Int] = [:]
    private let selection: PushSelection

    init(_ selection: PushSelection, _ devices: [UserID: [Device]], _ routing: PushRouting, _ pauses: PushPauses, at now: Timestamp) {
        self.selection = selection
        for (job, chosen) in selection.jobs.enumerated() {
            for recipient in chosen.recipients {
                let devices = devices[recipient] ?? []
                if devices.isEmpty { add(job, recipient, nil, routing.withoutDevice, or: .noDevice, pauses, now) }
                for device in devices { add(job, recipient, device, routing.byKind[device.address.kind], or: .noProvider, pauses, now) }
            }
        }
    }

    private mutating func add(
        _ job: Int, _ recipient: UserID, _ device: Device?, _ lane: PushLane?, or reason: DropReason, _ pauses: PushPauses, _ now: Timestamp
    ) {
        guard let lane else {
            drops[reason, default: 0] += 1
            return
        }
        let key = device.map { AlertKey(messageID: selection.jobs[job].leased.job.messageID, deviceID: $0.id) }
        if let seconds = key.flatMap({ pauses.seconds(of: $0, at: now) }) {
            waits.append((job, PushWait(recipient: recipient, seconds: seconds)))
        } else {
            all.append(Candidate(job: job, recipient: recipient, device: device, lane: lane, key: key))
        }
    }

    /// What is to be claimed before it is sent; an alert that two jobs ask for once.
    var intended: [IntendedAlert] {
        var seen: Set<AlertKey> = []
        return all.compactMap { candidate in
            guard let key = candidate.key, seen.insert(key).inserted else { return nil }
            let job = selection.jobs[candidate.job].leased.job
            return IntendedAlert(
                key: key, conversationID: job.conversationID, userID: candidate.recipient, sequenceNumber: job.sequenceNumber)
        }
    }

    /// Those whose devices show how much is unread.
    var badged: Set<UserID> { Set(all.lazy.filter { $0.device != nil }.map(\.recipient)) }
}

/// An alert that is owed and cannot be tried now.
struct PushWait: Equatable {
    let recipient: UserID
    let seconds: Double
}
