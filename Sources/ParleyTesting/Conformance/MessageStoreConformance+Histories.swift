import ParleyCore
import ParleyModel

extension MessageStoreConformance {
    static let histories: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("the newest messages are the last ones, ascending") { stores in
            try await withTenMessages(in: stores) { page in
                try await page(.newest, 3, [8, 9, 10], true)
                try await page(.newest, 10, Array(1...10), false)
                try await page(.newest, 9, Array(2...10), true)
                try await page(.newest, 200, Array(1...10), false)
            }
        },
        ConformanceCase("messages after a number are the next ones, and has_more looks onwards") { stores in
            try await withTenMessages(in: stores) { page in
                try await page(.after(0), 3, [1, 2, 3], true)
                try await page(.after(-5), 2, [1, 2], true)
                try await page(.after(7), 3, [8, 9, 10], false)
                try await page(.after(6), 3, [7, 8, 9], true)
                try await page(.after(10), 3, [], false)
                try await page(.after(11), 3, [], false)
                try await page(.after(.max), 3, [], false)
                try await page(.after(.min), 1, [1], true)
            }
        },
        ConformanceCase("messages before a number are the ones just below it, and has_more looks back") { stores in
            try await withTenMessages(in: stores) { page in
                try await page(.before(4), 2, [2, 3], true)
                try await page(.before(4), 3, [1, 2, 3], false)
                try await page(.before(4), 200, [1, 2, 3], false)
                try await page(.before(1), 5, [], false)
                try await page(.before(0), 5, [], false)
                try await page(.before(.min), 5, [], false)
                try await page(.before(11), 2, [9, 10], true)
                try await page(.before(.max), 2, [9, 10], true)
            }
        },
        ConformanceCase("messages around a number are a full page with that number in the middle") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            try await stores.send(100, in: conversation, from: user)
            for limit in [1, 2, 3, 10, 11, 50] {
                let page = try await stores.history(of: conversation, .around(50), limit: limit)
                let numbers = page.messages.map(\.sequenceNumber)
                try checkEqual(numbers, Array((numbers.first ?? 0)..<((numbers.last ?? 0) + 1)), "consecutive numbers")
                try checkEqual(numbers.count, limit, "the size of the page")
                try check(numbers.contains(50), "the number itself in \(numbers)")
                let upTo = numbers.filter { $0 <= 50 }.count
                try check(abs(2 * upTo - limit) <= 2, "about half of \(limit) up to the number, found \(upTo)")
                try check(page.hasMore, "more around the page")
                try checkEqual(page.lastSequence, 100, "the last number")
            }
        },
        ConformanceCase("around a number at an end, the page holds what there is, and has_more looks both ways") { stores in
            try await withTenMessages(in: stores) { page in
                try await page(.around(5), 200, Array(1...10), false)
                try await page(.around(0), 4, [1, 2, 3, 4], true)
                try await page(.around(0), 10, Array(1...10), false)
            }
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            try await stores.send(10, in: conversation, from: user)
            for number in [10, 11, Int64.max] {
                let page = try await stores.history(of: conversation, .around(number), limit: 6)
                try checkEqual(page.messages.last?.sequenceNumber, 10, "the end of the page around \(number)")
                try check((3...6).contains(page.messages.count), "at least half a page around \(number)")
                try check(page.hasMore, "more before the page around \(number)")
            }
        },
        ConformanceCase("an unknown conversation and one without messages have an empty history") { stores in
            let empty = try await stores.group(Sample.users(1))
            for conversation in [empty, .random()] {
                for query in [HistoryQuery.newest, .after(0), .before(5), .around(1)] {
                    let history = try await stores.history(of: conversation, query)
                    try checkEqual(history, History(messages: [], hasMore: false, lastSequence: 0), "\(query)")
                }
            }
        },
        ConformanceCase("paging forwards while messages arrive visits each once, in order") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            try await stores.send(20, in: conversation, from: user)
            var visited: [Int64] = []
            var page: History
            repeat {
                page = try await stores.history(of: conversation, .after(visited.last ?? 0), limit: 7)
                visited += page.messages.map(\.sequenceNumber)
                try await stores.send(3, in: conversation, from: user)
            } while page.hasMore
            try checkEqual(visited, Array(1...Int64(visited.count)), "the numbers visited")
            try check(visited.count > 20, "what arrived meanwhile too")
        },
        ConformanceCase("paging backwards while messages arrive visits each once, in order") { stores in
            let user = Sample.users(1)[0]
            let conversation = try await stores.group([user])
            try await stores.send(20, in: conversation, from: user)
            var page = try await stores.history(of: conversation, .newest, limit: 6)
            var visited = page.messages.map(\.sequenceNumber)
            while page.hasMore {
                try await stores.send(2, in: conversation, from: user)
                page = try await stores.history(of: conversation, .before(visited[0]), limit: 6)
                visited = page.messages.map(\.sequenceNumber) + visited
            }
            try checkEqual(visited, Array(1...20), "the numbers visited")
        },
    ]

    private typealias PageCheck = (_ query: HistoryQuery, _ limit: Int, _ numbers: [Int64], _ hasMore: Bool) async throws -> Void

    /// Lets `body` check pages of a conversation of ten messages.
    private static func withTenMessages(in stores: StoreSubject, _ body: (PageCheck) async throws -> Void) async throws {
        let user = Sample.users(1)[0]
        let conversation = try await stores.group([user])
        let all = try await stores.send(10, in: conversation, from: user)
        try await body { query, limit, numbers, hasMore in
            let page = try await stores.history(of: conversation, query, limit: limit)
            let expected = History(messages: numbers.map { all[Int($0) - 1] }, hasMore: hasMore, lastSequence: 10)
            try checkEqual(page.messages.map(\.sequenceNumber), numbers, "the numbers of \(query), limit \(limit)")
            try checkEqual(page, expected, "\(query), limit \(limit)")
        }
    }
}
