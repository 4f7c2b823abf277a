import ParleyCore
public import ParleyModel
import ParleyPostgres

/// Why a folder was not copied. Its description is a sentence for the operator.
public enum CopyFailure: Error, Equatable, CustomStringConvertible {
    /// The target was filled from another folder.
    case otherSource
    /// The target holds data that no copy has brought.
    case notEmpty
    /// A node works on the target.
    case nodeRuns
    /// Another copy of the same folder was started.
    case takenOver
    /// Both sides have gone on since the copy was finished.
    case goneApart(finishedAt: Timestamp, messages: Int64)

    public var description: String {
        switch self {
        case .otherSource:
            "The target was filled from another data folder. Name empty databases, or the folder that it was filled from."
        case .notEmpty: "The target holds data that no copy has brought. Name empty databases."
        case .nodeRuns:
            "A Parley node runs on the target. Stop all nodes, run the command again, and start them when it says that the copy is finished."
        case .takenOver: "Another parley copy of this folder was started, and goes on instead of this one."
        case .goneApart(let finishedAt, let messages):
            """
            The folder was copied, finished at \(finishedAt), and nodes have worked on the target since; but the folder has got \(messages) \
            messages more. They cannot be joined: nothing was changed.
            """
        }
    }

    init(_ obstacle: CopyObstacle) {
        switch obstacle {
        case .otherSource: self = .otherSource
        case .notEmpty: self = .notEmpty
        case .nodeRuns: self = .nodeRuns
        case .takenOver: self = .takenOver
        }
    }
}

extension Result where Failure == CopyObstacleError {
    /// The value, or the failure as the operator is told.
    func orFailure() throws -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error): throw CopyFailure(error.obstacle)
        }
    }
}
