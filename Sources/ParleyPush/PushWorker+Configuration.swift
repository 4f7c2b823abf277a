public import ParleyModel

extension PushWorker {
    /// The worker's limits. Every wait and every amount has one (P8).
    public struct Configuration: Sendable, Equatable {
        /// Jobs leased together. Most have one recipient or a few, and what a batch asks the stores costs as much for one job as for many.
        public var batchSize = 256
        /// How long nobody else gets the leased jobs. A worker that dies delays its jobs by this, unless the queue notices.
        public var leaseSeconds = 60.0
        /// How long nobody else sends an alert that this worker has claimed: a worker that dies delays the alerts in its hand by this.
        /// Longer than `sendingSeconds` and the time that a provider takes to answer, else it could be sent twice; shorter than
        /// `leaseSeconds`.
        public var claimSeconds = 30.0
        /// Recipients decided upon together, right before they are sent to.
        public var portionRecipients = 1_000
        /// Portions at once that have alerts waiting for their turn.
        public var maxPortions = 4
        /// How long a decision holds: afterwards no further alert of the portion is started, and the rest goes back to the queue.
        public var sendingSeconds = 10.0
        /// Notifications under way at once at each provider.
        public var maxConcurrentSends = 500
        /// The same for what is taken back.
        public var maxConcurrentTakeBacks = 50
        /// A provider whose answers take longer, or that answers nothing for so long with all under way that may be, holds up nobody
        /// any more: alerts that it has no room for go back to the queue.
        public var patienceSeconds = 0.25
        /// Outcomes written down together while a portion is being sent; less are written every tenth of a second.
        public var settleBatch = 200
        /// How often writing down what was sent is tried.
        public var recordAttempts = 5
        /// Users named in one question to a store; larger audiences are asked for in parts.
        public var maxUsersPerQuery = 5_000
        /// A job that still fails when it is handed out for the last time becomes a dead letter.
        public var maxAttempts = 8
        /// The upper bound of the wait after a first failure; it doubles with each further one.
        public var retryBaseSeconds = 1.0
        /// The upper bound of every wait that the worker chooses itself.
        public var retryCapSeconds = 300.0
        /// How long a push service may ask us to wait at most.
        public var providerWaitCapSeconds = 3600.0
        /// How long an alert waits that another worker has claimed.
        public var heldSeconds = 10.0
        /// The bounds of the wait for what a slow provider had no room for; within them it is as long as that has been so.
        public var putBackSeconds = 1.0...60.0
        /// The longest sleep while there is nothing to do. Finds due retries, and jobs that others queued.
        public var idleSeconds = 1.0
        /// The longest pause while a store fails; the first is at most `retryBaseSeconds`.
        public var storeErrorCapSeconds = 30.0
        /// Alerts of a conversation that are shown one by one on a device since its user last read; later ones become one alert,
        /// `12 new messages`, which replaces the others.
        public var singleAlerts = 3
        /// What push services are told, unless the recipient wants them to be told less.
        public var privacy = PushPrivacy.full
        /// Conversations taken back together, and how long nobody else gets them.
        public var takeBackBatch = 100
        public var takeBackLeaseSeconds = 60.0
        /// Taking back is given up when it still fails then; the next alert brings the right number.
        public var takeBackAttempts = 10
        /// How long it is remembered that an alert was sent, from its message on: longer than alerts live, so that none is sent twice.
        public var rememberSeconds = 30.0 * 86_400
        /// Between two looks for alerts that need not be remembered any more, and how many are forgotten at once.
        public var forgetSeconds = 600.0
        public var forgetBatch = 5_000

        public init() {}

        var retryBackoff: PushBackoff { PushBackoff(baseSeconds: retryBaseSeconds, capSeconds: retryCapSeconds) }
        var storeErrorBackoff: PushBackoff { PushBackoff(baseSeconds: retryBaseSeconds, capSeconds: storeErrorCapSeconds) }
    }
}
