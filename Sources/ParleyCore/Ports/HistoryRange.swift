/// Which numbers a page holds. The numbers have no holes, so the range says it all; it is empty when `last` is below `first`.
public struct HistoryRange: Equatable, Sendable {
    /// The lowest number on the page.
    public let first: Int64
    /// The highest number on the page.
    public let last: Int64
    /// See ``History/hasMore``.
    public let hasMore: Bool

    /// - Parameter lastSequence: The conversation's highest number, 0 when it has no messages.
    public init(_ query: HistoryQuery, limit: Int64, lastSequence: Int64) {
        switch query {
        case .newest:
            last = lastSequence
            first = max(1, last - limit + 1)
            hasMore = first > 1
        case .before(let number):
            last = min(max(number, 1) - 1, lastSequence)
            first = max(1, last - limit + 1)
            hasMore = first > 1 && last >= first
        case .after(let number):
            first = min(max(number, 0), lastSequence) + 1
            last = min(first - 1 + limit, lastSequence)
            hasMore = last < lastSequence
        case .around(let number):
            let middle = min(max(number, 1), max(lastSequence, 1))
            let start = max(1, middle - (limit - 1) / 2)
            last = min(start - 1 + limit, lastSequence)
            first = max(1, min(start, last - limit + 1))
            hasMore = first > 1 || last < lastSequence
        }
    }
}
