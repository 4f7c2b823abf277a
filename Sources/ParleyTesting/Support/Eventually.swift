/// Waits until the condition holds; throws after a time that only a broken thing needs, however slow the machine.
public func eventually(
    within patience: Duration = .seconds(120), _ what: String = "", _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + patience
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NeverCameTrue(what: what, patience: patience) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// What was waited for did not come about.
public struct NeverCameTrue: Error, CustomStringConvertible {
    let what: String
    let patience: Duration

    public var description: String { "\(what.isEmpty ? "it" : what) did not come true within \(patience)" }
}
