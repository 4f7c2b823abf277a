import ParleyCore
import ParleyModel

extension PushWorker {
    /// Decides for each recipient of the jobs and claims the alerts to be sent. Where it throws nothing is claimed.
    func plan(of jobs: [LeasedPushJob]) async throws(StoreError) -> PushPlan {
        let audience = try await audience(of: jobs)
        let chosen = PushSelection(jobs, audience, at: time.now())
        let devices = try await devices(of: chosen.recipients)
        let candidates = PushCandidates(chosen, devices, routing, pauses, at: time.now())
        let claims = try await claim(candidates.intended)
        let badges: [UserID: Int64]
        do throws(StoreError) {
            // After the claim: then the ledger knows which are out of date by what is read from now on.
            badges = try await unreadTotals(of: candidates.badged)
        } catch {
            await release(claims)
            throw error
        }
        let plan = PushPlan(
            candidates, of: chosen, claims, audience, badges: badges, privacy: configuration.privacy,
            collapseAfter: configuration.singleAlerts, heldSeconds: configuration.heldSeconds)
        metrics.countDrops(plan.drops)
        return plan
    }

    private func claim(_ alerts: [IntendedAlert]) async throws(StoreError) -> [AlertKey: AlertClaim] {
        let now = time.now()
        return alerts.isEmpty ? [:] : try await ledger.claim(alerts, until: now.advanced(bySeconds: configuration.claimSeconds), at: now)
    }

    /// Where this fails the claims end by themselves.
    private func release(_ claims: [AlertKey: AlertClaim]) async {
        var outcomes: [AlertKey: AlertOutcome] = [:]
        for case (let key, .granted) in claims { outcomes[key] = .released }
        if !outcomes.isEmpty { try? await ledger.settle(outcomes, at: time.now()) }
    }
}
