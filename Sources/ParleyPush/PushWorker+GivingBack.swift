import Logging
import ParleyCore

extension PushWorker {
    /// Of leased jobs nothing was sent: others may have them after that many seconds, and the attempt does not count. Where the queue
    /// does not take them back they wait for the end of their lease.
    func giveBack(_ jobs: some Sequence<LeasedPushJob>, after seconds: Double) async {
        let results = Dictionary(jobs.map { ($0.id, PushJobResult.returned(after: seconds)) }) { first, _ in first }
        do throws(StoreError) {
            try await queue.finish(results, at: time.now())
            metrics.countJobs(results.values)
        } catch {
            logger.warning("push jobs could not be given back; they wait for their lease", metadata: ["error": "\(error)"])
        }
    }
}
