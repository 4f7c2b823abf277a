import CRabbitMQ
import Foundation
import Logging
import ParleyCore
import ParleyEngines
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// Lends a push queue whose queues at the broker are its own, and deletes them afterwards.
func withQueue(
    on server: RabbitMQServer? = nil, _ change: (inout RabbitMQConfiguration) -> Void = { _ in },
    _ body: (RabbitMQPushQueue, RabbitMQConfiguration) async throws -> Void
) async throws {
    let configuration = try await configuration(on: server, change)
    let queue = RabbitMQPushQueue(configuration)
    do {
        try await body(queue, configuration)
    } catch {
        await close(queue)
        throw error
    }
    await close(queue)
    // Only so that they do not pile up: a broker that was killed may not know of its quorum queues yet, or be slow to part with them.
    try? await withLink(configuration) { link in
        for queue in RabbitMQTopology(queueName: configuration.queueName).all { try link.delete(queue) }
    }
}

private func configuration(
    on server: RabbitMQServer?, _ change: (inout RabbitMQConfiguration) -> Void
) async throws -> RabbitMQConfiguration {
    let shared = server == nil ? try await RabbitMQServer.shared.value : nil
    var configuration = RabbitMQConfiguration(url: (server ?? shared!).url)
    configuration.queueName = "test-\(UUID().uuidString)"
    configuration.newQueueSeconds = 0  // only a broker that is killed loses a new queue
    // What a machine that is busy with other tests keeps.
    (configuration.connectTimeoutSeconds, configuration.loginTimeoutSeconds) = (60, 60)
    (configuration.replyTimeoutSeconds, configuration.confirmTimeoutSeconds) = (60, 60)
    change(&configuration)
    return configuration
}

func close(_ queue: RabbitMQPushQueue) async {
    await onOwnThread { queue.close() }
}

/// Lends a connection apart from the queue's: what another program sees.
func withLink<Value: Sendable>(
    _ configuration: RabbitMQConfiguration, _ body: @escaping @Sendable (RabbitMQLink) throws -> Value
) async throws -> Value {
    try await onOwnThread { try body(RabbitMQLink(configuration, newQueues: NewQueues())) }
}

extension RabbitMQLink {
    func delete(_ queue: RabbitMQQueue) throws {
        _ = withAMQPBytes(queue.name) { amqp_queue_delete(state, Self.work, $0, 0, 0) }
        try checkReply("delete \(queue.name)")
    }
}

/// The sentence of the `unavailable` that `body` throws.
func unavailable(_ body: () async throws -> Void) async throws -> String {
    do {
        try await body()
        Issue.record("nothing was thrown")
    } catch StoreError.unavailable(let sentence) {
        return sentence
    }
    return ""
}

extension RabbitMQPushQueue {
    convenience init(_ configuration: RabbitMQConfiguration) {
        self.init(configuration, logger: Logger(label: "test"))
    }

    /// Leases by the time of the machine until there is something.
    func leaseEventually(limit: Int = 10, seconds: Double = 30) async throws -> [LeasedPushJob] {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let leases = try? await lease(limit: limit, seconds: seconds, at: Sample.start), !leases.isEmpty { return leases }
            try await Task.sleep(for: .milliseconds(20))
        }
        return []
    }
}
