import ParleyCore
import ParleyModel
import ParleyRedis
import ParleyTesting
import Testing

@Suite(.engineTurns, .timeLimit(.minutes(15)), .serialized)
struct RedisPresenceTests {
    private let user = UserID.random()
    private var key: String { "user:online:\(user)" }

    @Test func `a user is online while one of several nodes has them`() async throws {
        try await withServer { server in
            try await withPresences(2, server) { nodes async throws in
                #expect(await nodes[0].arrived(user))
                #expect(await !nodes[1].arrived(user))
                await nodes[0].left(user, at: Sample.time(1))
                #expect(try await nodes[0].state(of: user) == PresenceState(online: true, lastSeenAt: nil))
                #expect(try await server.command("EXISTS", key) == "1")
                await nodes[1].left(user, at: Sample.time(2))
                #expect(try await server.command("EXISTS", key) == "0")
                #expect(try await nodes[0].state(of: user) == PresenceState(online: false, lastSeenAt: Sample.time(2)))
                #expect(await nodes[0].arrived(user))
            }
        }
    }

    @Test func `other programs see the key exactly while the user is online, and with a time to live`() async throws {
        try await withServer { server in
            try await withPresences(1, server) { nodes async throws in
                #expect(try await server.command("EXISTS", key) == "0")
                await nodes[0].arrived(user)
                #expect(try await server.command("GET", key) == "parley")
                let milliseconds = try #require(Int(try await server.command("PTTL", key)))
                #expect((30_000...90_000).contains(milliseconds))
                await nodes[0].left(user, at: Sample.start)
                #expect(try await server.command("EXISTS", key) == "0")
                #expect(try await server.command("EXISTS", "parley:online:\(user)") == "0")
            }
        }
    }

    @Test func `who is not renewed goes offline, and who is stays`() async throws {
        try await withServer { server in
            try await withPresences(1, server, leaseSeconds: 3) { nodes async throws in
                let others = Sample.users(2)
                await nodes[0].arrived(user)
                await nodes[0].arrived(others[0])
                for _ in 0..<50 {
                    try await Task.sleep(for: .milliseconds(100))
                    // Who never came is not made online by renewing.
                    await nodes[0].renew([user, others[1]])
                }
                #expect(try await nodes[0].online(among: [user] + others) == [user])
                try await eventually { try await nodes[0].online(among: [user]).isEmpty }
                #expect(try await server.command("EXISTS", key) == "0")
                await nodes[0].renew([user])
                #expect(try await nodes[0].online(among: [user]) == [user])
            }
        }
    }

    @Test func `a node that stops without a word takes its users with it, and not those that another node has`() async throws {
        try await withServer { server in
            try await withPresences(2, server, leaseSeconds: 3) { nodes async throws in
                let other = UserID.random()
                for node in nodes { await node.arrived(user) }
                await nodes[0].arrived(other)
                try await eventually {
                    await nodes[1].renew([user])
                    return try await nodes[1].online(among: [other]).isEmpty
                }
                #expect(try await nodes[1].online(among: [user]) == [user])
                await nodes[1].left(user, at: Sample.start)
                #expect(try await nodes[1].online(among: [user]).isEmpty)
            }
        }
    }

    @Test func `a user is attended while a connection of any node is, and other programs see which it is`() async throws {
        try await withServer { server in
            try await withPresences(2, server) { nodes async throws in
                for node in nodes { await node.arrived(user) }
                await nodes[0].turned(user, .away)
                #expect(try await nodes[1].attended(among: [user]) == [user])
                #expect(try await server.command("GET", key) == "parley")
                await nodes[1].turned(user, .away)
                #expect(try await nodes[0].attended(among: [user]).isEmpty)
                #expect(try await nodes[0].online(among: [user]) == [user])
                #expect(try await server.command("GET", key) == "parley:away")
                for node in nodes { await node.renew([user]) }
                #expect(try await server.command("GET", key) == "parley:away")
                await nodes[1].turned(user, .attended)
                #expect(try await server.command("GET", key) == "parley")
                // The only one at whose connection somebody is goes.
                await nodes[1].left(user, .attended, at: Sample.start)
                #expect(try await server.command("GET", key) == "parley:away")
                await nodes[0].left(user, .away, at: Sample.start)
                #expect(try await server.command("EXISTS", key) == "0")
                #expect(try await server.command("EXISTS", "parley:online:\(user)") == "0")
                await nodes[0].arrived(user)
                #expect(try await nodes[1].attended(among: [user]) == [user])
            }
        }
    }

    @Test func `whoever another program has is attended, whatever the connections here say`() async throws {
        try await withServer { server in
            try await withPresences(1, server) { nodes async throws in
                _ = try await server.command("SET", key, "theirs", "EX", "5")
                await nodes[0].arrived(user)
                _ = try await server.command("SET", key, "theirs", "EX", "5")
                await nodes[0].turned(user, .away)
                #expect(try await server.command("GET", key) == "theirs")
                #expect(try await nodes[0].attended(among: [user]) == [user])
            }
        }
    }

    @Test func `what another program has set is left to it`() async throws {
        try await withServer { server in
            try await withPresences(1, server) { nodes async throws in
                _ = try await server.command("SET", key, "theirs", "EX", "3600")
                #expect(await !nodes[0].arrived(user))
                await nodes[0].left(user, at: Sample.start)
                #expect(try await server.command("GET", key) == "theirs")
                #expect(try await nodes[0].online(among: [user]) == [user])
            }
        }
    }

    @Test func `a server that forgot the script is given it again`() async throws {
        try await withServer { server in
            try await withPresences(1, server) { nodes async throws in
                await nodes[0].arrived(.random())
                _ = try await server.command("SCRIPT", "FLUSH")
                #expect(await nodes[0].arrived(user))
                _ = try await server.command("SCRIPT", "FLUSH")
                await nodes[0].left(user, at: Sample.start)
                #expect(try await nodes[0].state(of: user) == PresenceState(online: false, lastSeenAt: Sample.start))
            }
        }
    }

    @Test func `after an outage the server learns who is here and who left meanwhile`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withPresences(1, server) { nodes async throws in
            let (leaver, comer) = (UserID.random(), UserID.random())
            await nodes[0].arrived(user)
            await nodes[0].arrived(leaver)
            await server.kill()
            await nodes[0].left(leaver, at: Sample.time(5))
            #expect(await nodes[0].arrived(comer))
            #expect(await !nodes[0].arrived(comer))
            await #expect(throws: StoreError.self) { try await nodes[0].online(among: [user]) }
            try await server.start()
            try await eventually { (try? await nodes[0].online(among: [user])) == [user] }
            #expect(try await nodes[0].online(among: [user, leaver, comer]) == [user, comer])
            #expect(try await nodes[0].state(of: leaver).lastSeenAt == Sample.time(5))
        }
    }

    @Test func `a server that was replaced while nobody asked it learns who is here`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withPresences(1, server) { nodes async throws in
            await nodes[0].arrived(user)
            await server.kill()
            try await server.start()
            // No call failed, so nothing was noticed; the first one finds another server.
            try await eventually { try await nodes[0].online(among: [user]) == [user] }
        }
    }
}
