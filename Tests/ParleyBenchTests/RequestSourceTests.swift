import NIOCore
import ParleyModel
import Testing

@testable import ParleyBench

struct RequestSourceTests {
    @Test func `a create announces as many bytes as its body has, and never uses a key twice`() throws {
        let template = RequestTemplate.create(in: .random(), content: "hello", token: "t")
        var source = RequestSource([template], numbers: .counting(CountingNumbers(block: 3)), expectedStatus: 201)
        let first = next(&source)
        let second = next(&source)
        #expect(first != second)
        for request in [first, second] {
            let parts = request.split(separator: "\r\n\r\n", maxSplits: 1)
            let body = try #require(parts.last)
            #expect(request.contains("Content-Length: \(body.utf8.count)\r\n"))
            #expect(request.contains("Authorization: Bearer t\r\n"))
            #expect(try JSONParser.parse(body.utf8) != .null)
        }
    }

    @Test func `blocks of numbers do not meet and all have the same length`() {
        var low = CountingNumbers(block: 0)
        var high = CountingNumbers(block: 8_999_999)
        let numbers = [low.take(), high.take()]
        #expect(Set(numbers).count == 2)
        #expect(numbers.allSatisfy { String($0).count == CountingNumbers.digits })
    }

    @Test func `templates are taken in turn and named in errors`() {
        var source = RequestSource([.get("/a", token: nil), .get("/b", token: nil)], expectedStatus: 200)
        for name in ["GET /a", "GET /b", "GET /a"] {
            #expect(next(&source).hasPrefix("\(name) HTTP/1.1\r\n"))
            #expect(source.currentName == name)
        }
    }

    @Test func `random places stay within the history and reach both of its ends`() {
        var numbers = RandomNumbers(seed: 1, bound: 10)
        let taken = (0..<1000).map { _ in numbers.take() }
        #expect(Set(taken) == Set(0..<10))
    }

    private func next(_ source: inout RequestSource) -> String {
        var buffer = ByteBuffer()
        source.writeNext(into: &buffer)
        return String(buffer: buffer)
    }
}
