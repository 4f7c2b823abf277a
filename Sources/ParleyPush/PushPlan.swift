import ParleyCore
import ParleyModel

/// Every notification of a batch, with the provider that is to send it.
struct PushPlan {
    struct Step {
        /// Which of `jobs`.
        let job: Int
        let provider: any PushProvider
        let notification: PushNotification
    }

    private(set) var jobs: [LeasedPushJob] = []
    /// In the order of the jobs, so that the oldest are complete when the time is up.
    private(set) var steps: [Step] = []
    private(set) var drops: [DropReason: Int]

    init(_ selection: PushSelection, _ devices: [UserID: [Device]], _ routing: PushRouting) {
        drops = selection.drops
        for (leased, recipients) in selection.jobs {
            jobs.append(leased)
            for recipient in recipients {
                let devices = devices[recipient] ?? []
                if devices.isEmpty { add(recipient, nil, to: routing.withoutDevice, or: .noDevice) }
                for device in devices { add(recipient, device, to: routing.byKind[device.address.kind], or: .noProvider) }
            }
        }
    }

    /// A step of the last job.
    private mutating func add(_ recipient: UserID, _ device: Device?, to provider: (any PushProvider)?, or reason: DropReason) {
        guard let provider else {
            drops[reason, default: 0] += 1
            return
        }
        let job = jobs[jobs.count - 1].job
        let message = PushMessage(
            messageID: job.messageID, conversationID: job.conversationID, senderID: job.senderID, sequenceNumber: job.sequenceNumber,
            createdAt: job.createdAt, title: nil, text: job.messagePreview)
        let notification = PushNotification(
            content: .message(message), recipientID: recipient, device: device, badge: nil,
            expiresAt: job.createdAt.advanced(bySeconds: PushNotification.defaultLifetimeSeconds))
        steps.append(Step(job: jobs.count - 1, provider: provider, notification: notification))
    }
}

/// Which provider serves what: the first of the list that can.
struct PushRouting: Sendable {
    let byKind: [DeviceKind: any PushProvider]
    let withoutDevice: (any PushProvider)?

    init(_ providers: [any PushProvider]) {
        var byKind: [DeviceKind: any PushProvider] = [:]
        for provider in providers {
            for kind in provider.deviceKinds where byKind[kind] == nil { byKind[kind] = provider }
        }
        self.byKind = byKind
        withoutDevice = providers.first { $0.deliversWithoutDevice }
    }
}
