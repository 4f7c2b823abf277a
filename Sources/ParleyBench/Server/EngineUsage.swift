import Foundation

/// What the engines' processes on this machine have used so far, by the engine. Zeros for engines that run elsewhere.
struct EngineUsage: Sendable, Equatable {
    enum Engine: String, Sendable, CaseIterable {
        case mongodb, postgresql, redis, rabbitmq

        /// As the kernel knows its program (`/proc/PID/comm`).
        fileprivate var program: String {
            switch self {
            case .mongodb: "mongod"
            case .postgresql: "postgres"
            case .redis: "redis-server"
            case .rabbitmq: "beam.smp"
            }
        }
    }

    private(set) var processorSeconds: [Engine: Double] = [:]

    static var now: EngineUsage {
        var usage = EngineUsage()
        for process in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] where Int32(process) != nil {
            usage.add(comm: SystemFile.read("/proc/\(process)/comm"), stat: SystemFile.read("/proc/\(process)/stat"))
        }
        return usage
    }

    /// Counts a process, if it is an engine's.
    mutating func add(comm: String, stat: String) {
        let name = comm.split(separator: "\n").first.map(String.init)
        guard let engine = Engine.allCases.first(where: { $0.program == name }) else { return }
        processorSeconds[engine, default: 0] += ProcessUsage.processorSeconds(stat: stat)
    }

    /// What was used since an earlier moment. A process that has ended meanwhile takes its time with it: never below 0.
    func since(_ earlier: EngineUsage) -> EngineUsage {
        var usage = EngineUsage()
        for (engine, seconds) in processorSeconds {
            usage.processorSeconds[engine] = max(0, seconds - (earlier.processorSeconds[engine] ?? 0))
        }
        return usage
    }
}
