import Dispatch
public import Testing

/// Runs each case of a test on a thread of its own. For tests that compute for seconds: among the few threads that all tasks share they
/// would keep those waiting whose clocks run meanwhile, and the kernel divides the processors more justly.
public struct OwnThread: SuiteTrait, TestTrait, TestScoping {
    /// Of a suite, it holds for each of its tests.
    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadExecutor()) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    /// For tests that compute for long.
    public static var ownThread: Self { OwnThread() }
}

/// One job after the other, on a thread of Dispatch's.
private final class ThreadExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "parley.test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
