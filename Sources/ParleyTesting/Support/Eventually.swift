/// Waits until the condition holds; throws after a time that only a broken thing needs, however slow the machine.
public func eventually(_ condition: () async throws -> Bool) async throws {
    let patience = Duration.seconds(120)
    let end = ContinuousClock.now + patience
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NeverCameTrue(patience: patience) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// What was waited for did not come about.
public struct NeverCameTrue: Error, CustomStringConvertible {
    let patience: Duration

    public var description: String { "it did not come true within \(patience)" }
}
