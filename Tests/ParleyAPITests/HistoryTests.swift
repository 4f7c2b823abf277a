import HTTPTypes
import ParleyModel
import Testing

/// Reading a conversation by sequence number.
@Suite(.timeLimit(.minutes(1)))
struct HistoryTests {
    struct Page: Sendable, CustomTestStringConvertible {
        let query: String
        let numbers: [Int64]
        let hasMore: Bool
        var testDescription: String { query }

        init(_ query: String, _ numbers: ClosedRange<Int64>, hasMore: Bool) {
            self.init(query, Array(numbers), hasMore: hasMore)
        }

        init(_ query: String, _ numbers: [Int64], hasMore: Bool) {
            self.query = query
            self.numbers = numbers
            self.hasMore = hasMore
        }
    }

    /// Of a history of 230 messages.
    static let pages: [Page] = [
        Page("", 181...230, hasMore: true), Page("?limit=1", 230...230, hasMore: true), Page("?limit=200", 31...230, hasMore: true),
        Page("?after_sequence=0", 1...50, hasMore: true), Page("?after_sequence=0&limit=200", 1...200, hasMore: true),
        Page("?after_sequence=30&limit=200", 31...230, hasMore: false), Page("?after_sequence=29&limit=200", 30...229, hasMore: true),
        Page("?after_sequence=229", 230...230, hasMore: false), Page("?after_sequence=230", [], hasMore: false),
        Page("?after_sequence=9223372036854775807", [], hasMore: false), Page("?before_sequence=231", 181...230, hasMore: true),
        Page("?before_sequence=100&limit=10", 90...99, hasMore: true), Page("?before_sequence=11&limit=10", 1...10, hasMore: false),
        Page("?before_sequence=12&limit=10", 2...11, hasMore: true), Page("?before_sequence=2", 1...1, hasMore: false),
        Page("?before_sequence=1", [], hasMore: false), Page("?before_sequence=0", [], hasMore: false),
        Page("?before_sequence=9223372036854775807&limit=2", 229...230, hasMore: true),
        Page("?around_sequence=100&limit=10", 96...105, hasMore: true), Page("?around_sequence=100&limit=11", 95...105, hasMore: true),
        Page("?around_sequence=100&limit=1", 100...100, hasMore: true),
    ]

    @Test func `every page holds the right messages, ascending, and says whether there are more`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for number in 1...230 { try await parley.send("message \(number)", in: path) }
            for page in Self.pages {
                let answer = try await parley.call(.get, path + "/messages" + page.query, as: ben)
                #expect(answer.status == 200)
                #expect(answer.messageNumbers == page.numbers, "\(page.query)")
                #expect(answer["has_more"] == .bool(page.hasMore), "\(page.query)")
                #expect(answer["last_sequence"] == 230)
                #expect(answer["messages"]?.items.map { $0["content"] } == page.numbers.map { .string("message \($0)") })
            }
            // Near an end the page may be shorter; it always holds the number it is about.
            for number in [1, 2, 229, 230] as [Int64] {
                let numbers = try await parley.numbers(path, "?around_sequence=\(number)&limit=10", as: ben)
                #expect(numbers.contains(number))
                #expect(numbers == Array(numbers[0]...numbers[0] + Int64(numbers.count) - 1))
                #expect((1...10).contains(numbers.count))
            }
        }
    }

    @Test func `walking forwards and backwards visits every message once`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for _ in 1...53 { try await parley.send(in: path) }
            var forwards: [Int64] = []
            var hasMore = true
            while hasMore {
                let page = try await parley.call(.get, path + "/messages?limit=10&after_sequence=\(forwards.last ?? 0)", as: ada)
                forwards += page.messageNumbers
                hasMore = page["has_more"] == true
            }
            #expect(forwards == Array(1...53))
            var backwards: [Int64] = []
            hasMore = true
            while hasMore {
                let query = backwards.first.map { "&before_sequence=\($0)" } ?? ""
                let page = try await parley.call(.get, path + "/messages?limit=10" + query, as: ada)
                backwards = page.messageNumbers + backwards
                hasMore = page["has_more"] == true
            }
            #expect(backwards == Array(1...53))
        }
    }

    @Test func `an empty conversation has an empty page`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for query in ["", "?after_sequence=0", "?before_sequence=5", "?around_sequence=5"] {
                let answer = try await parley.call(.get, path + "/messages" + query, as: ada)
                #expect(answer.json == ["messages": [], "has_more": false, "last_sequence": 0])
            }
        }
    }

    @Test(arguments: [
        "limit=0", "limit=201", "limit=-1", "limit=ten", "limit=", "limit=5.0", "limit=5&limit=6", "after_sequence=-1", "after_sequence=x",
        "before_sequence=-1", "around_sequence=-1", "after_sequence=9223372036854775808", "after_sequence=1&before_sequence=5",
        "before_sequence=5&around_sequence=5", "after_sequence=1&after_sequence=1",
    ])
    func `a parameter with a wrong value is refused`(_ query: String) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            expect(try await parley.call(.get, path + "/messages?" + query, as: ada), refuses: .invalidParameter)
            #expect(try await parley.call(.get, path + "/messages?limit=5&colour=blue", as: ada).status == 200)
        }
    }
}
