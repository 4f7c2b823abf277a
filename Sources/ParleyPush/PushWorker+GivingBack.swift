import Logging
import ParleyCore

extension PushWorker {
    /// Gives the jobs back when `decide` fails, which it does before anything is sent.
    func givingBack<Value>(
        _ jobs: [LeasedPushJob], _ decide: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        do throws(StoreError) {
            return try await decide()
        } catch {
            await giveBack(jobs)
            throw error
        }
    }

    private func giveBack(_ jobs: [LeasedPushJob]) async {
        let results = Dictionary(jobs.map { ($0.id, PushJobResult.returned(after: configuration.returnSeconds)) }) { first, _ in first }
        do throws(StoreError) {
            try await queue.finish(results, at: time.now())
            metrics.countJobs(results.values)
        } catch {
            logger.warning("push jobs could not be given back; they wait for their lease", metadata: ["error": "\(error)"])
        }
    }
}
