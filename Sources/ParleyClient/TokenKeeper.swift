/// The caller's token, asked for when there is none or when the server wants another. The app is asked for one at a time:
/// whoever needs a token meanwhile waits for that one.
actor TokenKeeper {
    private let provider: @Sendable () async throws -> String
    private var current: String?
    private var request: Task<Void, Never>?
    /// Tells an answer from one that nobody waits for any more.
    private var requestNumber: UInt64 = 0
    private var waiting: [UInt64: CheckedContinuation<String, any Error>] = [:]
    private var nextID: UInt64 = 0

    init(_ provider: @escaping @Sendable () async throws -> String) {
        self.provider = provider
    }

    /// The token in use, or a new one.
    func token(fresh: Bool = false) async throws -> String {
        // While another is asked for, the one in use is no good any more.
        if let current, !fresh, request == nil { return current }
        return try await next()
    }

    /// A token other than the one that was refused.
    func token(insteadOf refused: String) async throws -> String {
        try await token(fresh: current == refused)
    }

    private func next() async throws -> String {
        let id = nextID
        nextID += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                waiting[id] = continuation
                if request == nil { ask() }
            }
        } onCancel: {
            Task { await self.leave(id) }
        }
    }

    private func ask() {
        requestNumber += 1
        let number = requestNumber
        request = Task {
            do {
                answered(number, .success(try await provider()))
            } catch {
                answered(number, .failure(error))
            }
        }
    }

    private func answered(_ number: UInt64, _ result: Result<String, any Error>) {
        guard number == requestNumber, request != nil else { return }
        request = nil
        if case .success(let token) = result { current = token }
        let all = waiting.values
        waiting = [:]
        for continuation in all { continuation.resume(with: result) }
    }

    /// The last one to go takes the request along.
    private func leave(_ id: UInt64) {
        waiting.removeValue(forKey: id)?.resume(throwing: CancellationError())
        guard waiting.isEmpty else { return }
        request?.cancel()
        request = nil
    }
}
