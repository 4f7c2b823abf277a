import Logging
import ParleyCore
import Synchronization

/// Tells the operator that a connection is gone and that it is back, once each, and never more than a line in a while
/// however often it comes and goes.
final class OutageLog: Sendable {
    static let pauseSeconds = 10.0

    private struct State {
        var wasTold = false
        var nextLine = ContinuousClock.now
    }

    private let logger: Logger
    private let connection: String
    private let state = Mutex(State())

    init(_ logger: Logger, connection: String) {
        self.logger = logger
        self.connection = connection
    }

    func noticed(_ error: StoreError) {
        let now = ContinuousClock.now
        let isNews = state.withLock { state in
            guard !state.wasTold, state.nextLine <= now else { return false }
            state = State(wasTold: true, nextLine: now + .seconds(Self.pauseSeconds))
            return true
        }
        guard isNews else { return }
        logger.warning("Redis cannot be reached; it is tried again until it can", metadata: metadata(["error": "\(error)"]))
    }

    func ended() {
        let wasTold = state.withLock { state in
            defer { state.wasTold = false }
            return state.wasTold
        }
        if wasTold { logger.notice("Redis is reached again", metadata: metadata([:])) }
    }

    private func metadata(_ more: Logger.Metadata) -> Logger.Metadata { more.merging(["connection": "\(connection)"]) { $1 } }
}
