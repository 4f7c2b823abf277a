import ParleyModel

/// A provider and what may be under way at it at once. What one provider is slow with holds up no other, and what is taken back
/// holds up no alert.
struct PushLane: Sendable {
    let provider: any PushProvider
    let alerts: SendWindow
    let takeBacks: SendWindow

    init(_ provider: any PushProvider, _ configuration: PushWorker.Configuration) {
        self.provider = provider
        alerts = SendWindow(size: configuration.maxConcurrentSends, patience: .seconds(configuration.patienceSeconds))
        takeBacks = SendWindow(size: configuration.maxConcurrentTakeBacks, patience: .seconds(configuration.patienceSeconds))
    }
}

/// Which provider serves what: the first of the list that can.
struct PushRouting: Sendable {
    let byKind: [DeviceKind: PushLane]
    let withoutDevice: PushLane?

    init(_ providers: [any PushProvider], _ configuration: PushWorker.Configuration = .init()) {
        let lanes = providers.map { PushLane($0, configuration) }
        var byKind: [DeviceKind: PushLane] = [:]
        for lane in lanes {
            for kind in lane.provider.deviceKinds where byKind[kind] == nil { byKind[kind] = lane }
        }
        self.byKind = byKind
        withoutDevice = lanes.first { $0.provider.deliversWithoutDevice }
    }
}
