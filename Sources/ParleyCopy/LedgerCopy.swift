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
        counts.rows += try await copy(
            .alertsPut, by: \.key, read: source.reader.alerts(after:), put: postgres.putAlerts(_:after:through:))
        counts.rows += try await copy(
            .showingsPut, by: \.userID, read: source.reader.showings(after:), put: postgres.putShowings(_:after:through:))
        counts.rows += try await copy(
            .attendancesPut, by: \.key, read: source.reader.attendances(after:), put: postgres.putAttendances(_:after:through:))
    }

    /// Page by page; tells how many rows changed.
    private func copy<Record, Key>(
        _ step: CopyStep, by key: KeyPath<Record, Key>, read: (Key?) async throws -> [Record],
        put: ([Record], Key?, Key?) async throws -> Int
    ) async throws -> Int64 {
        var after: Key?
        var changed: Int64 = 0
        while true {
            let page = try await read(after)
            let through = page.last?[keyPath: key]
            changed += Int64(try await put(page, after, through))
            try await hook(step)
            guard let through else { return changed }
            after = through
        }
    }
}
