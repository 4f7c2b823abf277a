extension PushWorker {
    /// The worker's limits. Every wait and every amount has one (P8).
    public struct Configuration: Sendable, Equatable {
        /// Jobs leased, worked on and finished together.
        public var batchSize = 64
        /// How long nobody else gets the leased jobs. A worker that dies in a batch delays its jobs by this.
        public var leaseSeconds = 60.0
        /// From the lease on: afterwards no further notification of the batch is started, and the rest goes back to the
        /// queue. The difference to `leaseSeconds` is for the answers still under way.
        public var sendingSeconds = 45.0
        /// Notifications under way at once.
        public var maxConcurrentSends = 128
        /// Users named in one question to a store; larger audiences are asked for in parts.
        public var maxUsersPerQuery = 5_000
        /// A job that still fails when it is handed out for the last time becomes a dead letter.
        public var maxAttempts = 8
        /// The upper bound of the wait after a first failure; it doubles with each further one.
        public var retryBaseSeconds = 1.0
        /// How long jobs wait that are given back because a store fails. Another node may reach it; this one pauses anyway.
        public var returnSeconds = 2.0
        /// The upper bound of every wait that the worker chooses itself.
        public var retryCapSeconds = 300.0
        /// How long a push service may ask us to wait at most.
        public var providerWaitCapSeconds = 3600.0
        /// The longest sleep while there is nothing to do. Finds due retries, and jobs that others queued.
        public var idleSeconds = 1.0
        /// The longest pause while a store fails; the first is at most `retryBaseSeconds`.
        public var storeErrorCapSeconds = 30.0

        public init() {}

        var retryBackoff: PushBackoff { PushBackoff(baseSeconds: retryBaseSeconds, capSeconds: retryCapSeconds) }
        var storeErrorBackoff: PushBackoff { PushBackoff(baseSeconds: retryBaseSeconds, capSeconds: storeErrorCapSeconds) }
    }
}
