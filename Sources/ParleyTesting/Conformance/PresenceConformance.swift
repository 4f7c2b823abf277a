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
        ConformanceCase("who is online is attended, until nobody sits at any of their connections") { presence in
            let user = Sample.users(1)[0]
            try checkEqual(try await presence.attended(among: [user]), [], "who of the offline is attended")
            for _ in 0..<2 { await presence.arrived(user) }
            try checkEqual(try await presence.attended(among: [user]), [user], "who is attended that never said otherwise")
            await presence.turned(user, .away)
            try checkEqual(try await presence.attended(among: [user]), [user], "who is attended at one of two")
            await presence.turned(user, .away)
            try checkEqual(try await presence.attended(among: [user]), [], "who is attended at none of two")
            try checkEqual(try await presence.online(among: [user]), [user], "who is online and away")
            await presence.renew([user])
            try checkEqual(try await presence.attended(among: [user]), [], "who is attended after a renewal")
            await presence.turned(user, .attended)
            try checkEqual(try await presence.attended(among: [user]), [user], "who is attended again")
        },
        ConformanceCase("who is attended goes by the connections that are left") { presence in
            let users = Sample.users(2)
            for user in users {
                for _ in 0..<2 { await presence.arrived(user) }
                await presence.turned(user, .away)
            }
            await presence.left(users[0], .away, at: Sample.start)
            await presence.left(users[1], .attended, at: Sample.start)
            try checkEqual(try await presence.attended(among: users), [users[0]], "who is attended")
            try checkEqual(try await presence.online(among: users), Set(users), "who is online")
            await presence.left(users[0], .attended, at: Sample.start)
            await presence.left(users[1], .away, at: Sample.start)
            try checkEqual(try await presence.online(among: users), [], "who is online")
            await presence.arrived(users[1])
            try checkEqual(try await presence.attended(among: users), [users[1]], "who is attended after coming back")
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
