import ParleyModel

/// Reads what one node stored, page by page, over any number of seconds.
struct RepairScan: Sendable {
    private static let page = 500

    let log: any RepairLog
    let node: NodeID
    let seconds: Range<Int64>

    /// Calls `body` for each page that is not empty, and tells how many messages there were.
    /// - Parameter passed: Called with a second when everything with an id from before it was gone through.
    @discardableResult
    func forEachPage(
        _ body: ([Message]) async throws(StoreError) -> Void, passed: (Int64) async throws(StoreError) -> Void = { _ in }
    ) async throws(StoreError) -> Int {
        var count = 0
        var start = seconds.lowerBound
        while start < seconds.upperBound {
            let end = min(start + RepairWindow.seconds, seconds.upperBound)
            var last: MessageID?
            repeat {
                let page = try await log.messages(madeBy: node, in: start..<end, after: last, limit: Self.page)
                if !page.isEmpty { try await body(page) }
                count += page.count
                last = page.count == Self.page ? page.last?.id : nil
            } while last != nil
            start = end
            try await passed(end)
        }
        return count
    }
}
