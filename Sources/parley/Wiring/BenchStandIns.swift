import Foundation
import NIOCore
import NIOPosix
import ParleyBench
import ParleyModel
import ParleyPushStandIns
import ParleyWebPushStandIn

/// The stand-ins of `bench --push`, and how they tell another process, by files, what it needs to reach them.
actor BenchStandIns {
    private let apns: APNsStandIn
    private let fcm: FCMStandIn
    private let stalledFCM: FCMStandIn
    private var webPush: WebPushStandIn?

    init() {
        var apns = APNsStandIn.Configuration()
        apns.keptRequests = 0
        var fcm = FCMStandIn.Configuration()
        fcm.keptRequests = 0
        self.apns = APNsStandIn(apns)
        self.fcm = FCMStandIn(fcm)
        stalledFCM = FCMStandIn(fcm)
    }

    func start(group: any EventLoopGroup) async throws {
        try await apns.start(group: group)
        try await fcm.start(group: group)
        try await stalledFCM.start(group: group)
        stalledFCM.misbehave(.silence, forNext: .max)
        webPush = try await WebPushStandIn.start(keepsDeliveries: false)
    }

    /// The file that whoever waits looks for is written last.
    func describe(in folder: String, subscriptions: Int) throws {
        try write(apns.keyPEM, to: "\(folder)/apns.p8")
        try write(fcm.serviceAccount(), to: "\(folder)/\(PushService.fcm.rawValue).json")
        try write(stalledFCM.serviceAccount(), to: "\(folder)/\(PushService.stalledFCM.rawValue).json")
        try write([apns.trustRoots, fcm.trustRoots, stalledFCM.trustRoots].joined(separator: "\n"), to: "\(folder)/trusted.pem")
        var json = JSONWriter()
        json.object { json in
            for (name, value) in [
                ("apns_url", apns.url), ("apns_key_id", apns.configuration.keyID), ("apns_team_id", apns.configuration.teamID),
                ("apns_topic", apns.configuration.topics.first ?? ""), ("fcm_url", fcm.url), ("stalled_fcm_url", stalledFCM.url),
            ] {
                json.name("\(name)")
                json.string(value)
            }
            json.name("subscriptions")
            json.array((0..<subscriptions).compactMap { _ in webPush?.subscribe().subscription }) { $1.write(to: &$0) }
        }
        try write(String(decoding: json.bytes, as: UTF8.self), to: "\(folder)/\(PushStandInCounts.readyFile)")
    }

    func count(in folder: String) throws {
        var counts = PushStandInCounts()
        counts.add(.apns, accepted: apns.record.acceptedCount, refusals: Array(apns.record.refusals.keys))
        counts.add(.fcm, accepted: fcm.record.acceptedCount, refusals: Array(fcm.record.refusals.keys))
        if let webPush {
            let complaints = webPush.complaints
            counts.add(.webpush, accepted: webPush.requests - complaints.count, refusals: Array(Set(complaints)))
        }
        try write(String(decoding: counts.json, as: UTF8.self), to: "\(folder)/\(PushStandInCounts.endFile)")
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
