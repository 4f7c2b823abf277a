import Testing

@testable import ParleyRedis

struct RedisURLTests {
    @Test(arguments: [
        ("redis://localhost", RedisURL(host: "localhost")),
        ("REDIS://10.0.0.1:6380/", RedisURL(host: "10.0.0.1", port: 6380)),
        ("redis://:secret@cache/3", RedisURL(host: "cache", password: "secret", database: 3)),
        (
            "redis://parley:s%40c%2Fret%25@cache:7000/15",
            RedisURL(host: "cache", port: 7000, user: "parley", password: "s@c/ret%", database: 15)
        ),
        ("redis://:not@encoded:@cache", RedisURL(host: "cache", password: "not@encoded:")),
        ("redis://[::1]:6379/1", RedisURL(host: "::1", database: 1)),
    ])
    func `what a URL says is read`(text: String, expected: RedisURL) throws {
        #expect(try RedisURL(text) == expected)
    }

    @Test(arguments: [
        "", "hunter2", "redis:", "redis://", "http://:hunter2@host", "redis://hunter2@host", "redis://user:@host", "redis://:hunter2@",
        "redis://host:hunter2", "redis://host:0", "redis://host:65536", "redis://host/hunter2", "redis://:hunter2%4@host",
        "redis://:hunter2%zz@host", "redis://host/0?password=hunter2", "redis://[::1", "redis://[::1]hunter2", "rediss://:hunter2@host",
    ])
    func `a bad URL is refused with a sentence that repeats nothing of it`(text: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisURL(text) }
        let sentence = error?.description ?? ""
        #expect(sentence.hasPrefix("the Redis URL "))
        #expect(!sentence.contains("hunter2"))
    }

    @Test func `TLS is refused with what to do instead`() {
        let error = #expect(throws: RedisURLError.self) { try RedisURL("rediss://host") }
        #expect(error == .encrypted)
    }

    @Test func `its text is without user and password`() {
        let url = RedisURL(host: "::1", port: 1, user: "somebody", password: "hunter2", database: 4)
        #expect("\(url)" == "redis://[::1]:1/4")
        #expect(String(reflecting: url) == "redis://[::1]:1/4")
        var dumped = ""
        dump(RedisConfiguration(url: url), to: &dumped)
        #expect(dumped.contains("::1") && !dumped.contains("hunter2") && !dumped.contains("somebody"))
    }
}

struct RedisReplyTests {
    @Test func `an error is told without what the server repeats of the command`() {
        let error = "ERR unknown command 'AUTH', with args beginning with: 'hunter2' "
        #expect(RedisReply.withoutParameters(error) == "ERR unknown command 'AUTH'")
        #expect(RedisReply.withoutParameters("NOAUTH Authentication required.") == "NOAUTH Authentication required.")
    }
}
