import ParleyCore
import Testing

@testable import ParleyStores

struct HistoryRangeTests {
    @Test(arguments: [
        (HistoryQuery.newest, 3, 10, 8, 10, true), (.newest, 10, 10, 1, 10, false), (.newest, 5, 0, 1, 0, false),
        (.after(0), 3, 10, 1, 3, true), (.after(7), 3, 10, 8, 10, false), (.after(10), 3, 10, 11, 10, false),
        (.after(99), 3, 10, 11, 10, false),
        (.before(5), 3, 10, 2, 4, true), (.before(1), 3, 10, 1, 0, false), (.before(0), 3, 10, 1, 0, false),
        (.before(99), 3, 10, 8, 10, true),
        (.around(5), 3, 10, 4, 6, true), (.around(1), 3, 10, 1, 3, true), (.around(10), 3, 10, 8, 10, true),
        (.around(5), 1, 10, 5, 5, true),
        (.around(5), 99, 10, 1, 10, false), (.around(1), 3, 0, 1, 0, false),
    ])
    func `a page holds`(query: HistoryQuery, limit: Int64, lastSequence: Int64, first: Int64, last: Int64, hasMore: Bool) {
        let range = HistoryRange(query, limit: limit, lastSequence: lastSequence)
        #expect(range.first == first && range.last == last && range.hasMore == hasMore, "\(range)")
    }
}
