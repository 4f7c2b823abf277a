public import ParleyModel

/// Hands notifications to a push service.
///
/// A provider may be asked to send the same notification again, after a crash or a late answer; its content tells.
/// It is called from many tasks at once, and decides itself what leaves together.
public protocol PushProvider: Sendable {
    /// Short and constant: it labels metrics and stands in logs and reasons.
    var name: String { get }

    /// The kinds of devices it can reach.
    var deviceKinds: Set<DeviceKind> { get }

    /// A capability: whether it also takes notifications for recipients who have no device.
    var deliversWithoutDevice: Bool { get }

    /// A capability: whether it also takes what no person sees, ``PushContent/read(_:)``.
    var takesReads: Bool { get }

    /// Whether this device takes such, of a provider that ``takesReads``: one whose push service never takes them is not tried
    /// again and again. What there is to be said of that the provider says once, in its log.
    func takesReads(on device: Device) -> Bool

    /// Tries once, and answers within a bounded time. Repeating is the worker's business.
    func send(_ notification: PushNotification) async -> PushAnswer
}

extension PushProvider {
    public var takesReads: Bool { true }
    public func takesReads(on device: Device) -> Bool { true }
}

/// What became of a notification. Reasons are for the operator, and carry neither message text nor device tokens.
public enum PushAnswer: Sendable, Equatable {
    /// The push service has it; `id` is its own name for it, if it gave one.
    case accepted(id: String?)
    /// The push service certainly does not have it: it refused it, or was not reached, or not asked. It may work later, at the
    /// earliest after that many seconds if the push service said so. Also the answer for whatever an operator can mend, such
    /// as expired credentials: retries end as dead letters, which can be replayed.
    case retry(after: Double?, reason: String)
    /// It left, and whether the push service has it is not known: nothing came back, or only the word of somebody in between.
    /// It is tried again like `retry`, and the device counts as one that may show it.
    case unanswered(after: Double?, reason: String)
    /// It can never work, for this notification: too large, malformed. Not tried again.
    case rejected(reason: String)
    /// The push service does not know the device any more, since the time it gave. The worker forgets the device, unless it
    /// was registered again after that time.
    case deviceGone(since: Timestamp?)
}
