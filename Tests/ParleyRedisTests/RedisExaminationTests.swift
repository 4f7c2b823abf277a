import ParleyEngines
import ParleyRedis
import ParleyTesting
import Testing

/// What `parley doctor` says of Redis.
@Suite(.engineTurns, .timeLimit(.minutes(5)))
struct RedisExaminationTests {
    @Test func `a server of our own can be used; one that forgets keys is doubtful; a wrong password is told without it`() async throws {
        try await withServer { server in
            let good = await onOwnThread { [configuration = server.configuration] in RedisExamination.findings(configuration) }
            #expect(good.allSatisfy { $0.verdict == .good }, "\(good)")
            _ = try await server.command("CONFIG", "SET", "maxmemory", "100mb")
            _ = try await server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            let forgetful = await onOwnThread { [configuration = server.configuration] in RedisExamination.findings(configuration) }
            #expect(forgetful.contains { $0.fact.contains("allkeys-lru") && $0.verdict != .good })
            let wrong = RedisConfiguration(url: RedisURL(host: "127.0.0.1", port: server.port, password: "not-the-password"))
            let refused = await onOwnThread { RedisExamination.findings(wrong) }
            #expect(refused.count == 1 && refused[0].verdict != .good)
            #expect(!refused[0].fact.contains("not-the-password"))
        }
    }
}
