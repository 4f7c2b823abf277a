import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyStores

/// Takes along which alerts were sent, what devices show and who is to be looked at again, from a folder that nobody serves: so that
/// nobody is alerted twice of a message, what is read is taken back where it was shown, and who went with the folder's process is told.
struct LedgerCopy: Sendable {
    let source: CopiedFolder
    let postgres: PostgresCopyTarget
    let hook: CopyHook

    func run(_ counts: inout CopyCounts) async throws {
        counts.rows += try await copyAlerts()
        counts.rows += try await copyShowings()
        counts.rows += try await copyAttendances()
    }

    private func copyAlerts() async throws -> Int64 {
        var after: AlertKey?
        var changed: Int64 = 0
        while true {
            let page = try await source.reader.alerts(after: after)
            let through = page.last?.key
            changed += Int64(try await postgres.putAlerts(page, after: after, through: through))
            try await hook(.alertsPut)
            guard let through else { return changed }
            after = through
        }
    }

    private func copyShowings() async throws -> Int64 {
        var after: UserID?
        var changed: Int64 = 0
        while true {
            let page = try await source.reader.showings(after: after)
            let through = page.last?.userID
            changed += Int64(try await postgres.putShowings(page, after: after, through: through))
            try await hook(.showingsPut)
            guard let through else { return changed }
            after = through
        }
    }

    private func copyAttendances() async throws -> Int64 {
        var after: CopiedAttendance.Key?
        var changed: Int64 = 0
        while true {
            let page = try await source.reader.attendances(after: after)
            let through = page.last?.key
            changed += Int64(try await postgres.putAttendances(page, after: after, through: through))
            try await hook(.attendancesPut)
            guard let through else { return changed }
            after = through
        }
    }
}
