import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// What is bound comes back as it was.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresValueTests {
    @Test func `single values come back`() async throws {
        let echo = PostgresStatement("echo", "SELECT $1::uuid, $2::int8, $3::text, $4::timestamptz, $5::bool")
        let ids = [UserID(high: 0, low: 0), UserID(high: .max, low: .max), .random()]
        let numbers: [Int64] = [.min, 0, .max]
        let texts = ["", "it's \"quoted\" \\x41 $1", "👩‍👩‍👧 é"]
        let times = [Timestamp(milliseconds: -1), Sample.time(0.123), .distantFuture]
        try await onConnection { connection throws(PostgresFailure) in
            for place in 0..<3 {
                let row = try connection.read(
                    echo(.id(ids[place]), .int64(numbers[place]), .text(texts[place]), .timestamp(times[place]), .bool(place == 1)))[0]
                #expect(try row.id(0) == ids[place])
                #expect(try row.int64(1) == numbers[place])
                #expect(try row.text(2) == texts[place])
                #expect(try row.timestamp(3) == times[place])
                #expect(try row.bool(4) == (place == 1))
            }
        }
    }

    @Test func `NULL comes back as nothing, and as damage where a value must be`() async throws {
        let echo = PostgresStatement("echo", "SELECT $1::uuid, $2::int8, $3::text, $4::timestamptz")
        try await onConnection { connection throws(PostgresFailure) in
            let row = try connection.read(echo(.id(nil as UserID?), .int64(nil), .text(nil), .timestamp(nil)))[0]
            #expect(try row.optionalInt64(1) == nil)
            #expect(try row.optionalText(2) == nil)
            #expect(try row.optionalTimestamp(3) == nil)
            #expect(throws: PostgresFailure.self) { try row.id(0, as: UserID.self) }
            #expect(throws: PostgresFailure.self) { try row.text(2) }
        }
    }

    @Test func `arrays come back, the empty one too`() async throws {
        let echo = PostgresStatement(
            "echo",
            "SELECT $1::int8[], array_to_string($2::uuid[], ' ', '-'), array_to_string($3::text[], ','), cardinality($4::timestamptz[])")
        let ids = [UserID.random(), nil, .random()]
        try await onConnection { connection throws(PostgresFailure) in
            let row = try connection.read(
                echo(.int64s([1, -2, .max]), .ids(ids), .texts(["a", "", "é"]), .timestamps([Sample.start])))[0]
            #expect(try row.int64s(0) == [1, -2, .max])
            #expect(try row.text(1) == ids.map { $0?.description ?? "-" }.joined(separator: " "))
            #expect(try row.text(2) == "a,,é")
            let empty = try connection.read(echo(.int64s([]), .ids([UserID]()), .texts([]), .timestamps([])))[0]
            #expect(try empty.int64s(0) == [])
        }
    }

    @Test func `U+0000, which PostgreSQL cannot keep, is kept as the replacement character`() async throws {
        let echo = PostgresStatement("echo", "SELECT $1::text")
        try await onConnection { connection throws(PostgresFailure) in
            #expect(try connection.read(echo(.text("a\0b\0")))[0].text(0) == "a\u{FFFD}b\u{FFFD}")
        }
    }

    @Test func `times that PostgreSQL cannot keep are kept as the nearest that it can`() async throws {
        let echo = PostgresStatement("echo", "SELECT $1::timestamptz, $1::timestamptz::text")
        try await onConnection { connection throws(PostgresFailure) in
            for milliseconds in [Int64.min, .max] {
                let row = try connection.read(echo(.timestamp(Timestamp(milliseconds: milliseconds))))[0]
                #expect(try row.timestamp(0) != Timestamp(milliseconds: 0))
            }
        }
    }

    private func onConnection(
        _ body: @escaping @Sendable (PostgresConnection) throws(PostgresFailure) -> Void
    ) async throws {
        let server = try await PostgresServer.shared.value
        try await withPool(try server.url(database: "postgres"), connections: 1) { try await $0.run(body) }
    }
}
