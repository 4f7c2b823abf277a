public import ParleyCore
import ParleyModel

/// What ``ParleyCore/Presence`` promises.
public enum PresenceConformance {
    public static let cases: [ConformanceCase<any Presence>] = [
        ConformanceCase("who never came is offline and was never seen") { presence in
            let state = try await presence.state(of: .random())
            try checkEqual(state, PresenceState(online: false, lastSeenAt: nil), "the state")
        },
        ConformanceCase("a user is online from the first connection to the end of the last") { presence in
            let user = Sample.users(1)[0]
            for _ in 0..<3 {
                await presence.arrived(user)
                try checkEqual(try await presence.state(of: user).online, true, "online after arriving")
            }
            for second in 1...2 {
                await presence.left(user, at: Sample.time(Double(second)))
                try checkEqual(try await presence.state(of: user).online, true, "online while a connection is left")
            }
            await presence.left(user, at: Sample.time(3))
            try checkEqual(
                try await presence.state(of: user), PresenceState(online: false, lastSeenAt: Sample.time(3)), "the state")
        },
        ConformanceCase("who comes back is online, and is last seen at the end of the latest visit") { presence in
            let user = Sample.users(1)[0]
            for second in [5.0, 9.0] {
                await presence.arrived(user)
                try checkEqual(try await presence.online(among: [user]), [user], "who is online")
                await presence.left(user, at: Sample.time(second))
                try checkEqual(
                    try await presence.state(of: user), PresenceState(online: false, lastSeenAt: Sample.time(second)), "the state")
            }
        },
        ConformanceCase("those online are found among many") { presence in
            let users = Sample.users(1000)
            let online = [users[0], users[500], users[999]]
            for user in online + [.random()] { await presence.arrived(user) }
            try checkEqual(try await presence.online(among: users), Set(online), "who is online")
            try checkEqual(try await presence.online(among: []), [], "who of nobody is online")
        },
        ConformanceCase("leaving without having come changes nothing for later") { presence in
            let user = Sample.users(1)[0]
            await presence.left(user, at: Sample.time(1))
            await presence.arrived(user)
            try checkEqual(try await presence.state(of: user).online, true, "online after arriving")
        },
        ConformanceCase("connections that come and go at the same time are counted right") { presence in
            let users = Sample.users(2)
            _ = try await concurrently(64) { number in
                await presence.arrived(users[number % 2])
                if number != 33 { await presence.left(users[number % 2], at: Sample.start) }
            }
            try checkEqual(try await presence.online(among: users), [users[1]], "who is online")
        },
    ]
}
