public import ParleyCore
import ParleyModel

/// What ``ParleyCore/DeviceStore`` promises.
public enum DeviceStoreConformance {
    public static let cases: [ConformanceCase<any DeviceStore>] = [
        ConformanceCase("every part of a device comes back, oldest first") { store in
            let user = Sample.users(1)[0]
            let devices = [
                Sample.device(.apns(token: "a1B2"), of: user, name: "Ann's 📱", at: Sample.time(1)),
                Sample.device(.fcm(token: "fcm:token_1"), of: user, at: Sample.time(2)),
                Sample.device(Sample.webPush("https://push.example/1?a=b"), of: user, name: "", at: Sample.time(3)),
            ]
            for device in devices {
                try checkEqual(try await store.register(device, maxPerUser: 10), .added(device), "the registration")
            }
            try checkEqual(try await store.devices(of: user), devices, "the devices")
        },
        ConformanceCase("an address registered again by its user keeps its id and takes the new name") { store in
            let user = Sample.users(1)[0]
            let first = Sample.device(.apns(token: "t"), of: user, name: "Old")
            _ = try await store.register(first, maxPerUser: 1)
            let again = Sample.device(.apns(token: "t"), of: user, name: "New", at: Sample.time(60))
            let moved = try checkMoved(try await store.register(again, maxPerUser: 1))
            try checkEqual(moved.id, first.id, "the id")
            try checkEqual(moved.name, "New", "the name")
            try checkEqual(try await store.devices(of: user), [moved], "the devices")
        },
        ConformanceCase("an address registered again keeps the time of its first registration and has that of its last") { store in
            let users = Sample.users(2)
            let first = Sample.device(.apns(token: "t"), of: users[0], at: Sample.time(10))
            _ = try await store.register(first, maxPerUser: 1)
            // The last one is by a clock that is behind.
            for (user, seconds, last) in [(0, 60, 60), (1, 90, 90), (1, 80, 90)] as [(Int, Double, Double)] {
                let again = Sample.device(.apns(token: "t"), of: users[user], at: Sample.time(seconds))
                let moved = try checkMoved(try await store.register(again, maxPerUser: 1))
                try checkEqual(moved.createdAt, Sample.time(10), "the first registration")
                try checkEqual(moved.registeredAt, Sample.time(last), "the last registration")
                try checkEqual(try await store.devices(of: users[user]), [moved], "the devices")
            }
        },
        ConformanceCase("a device that was gone at a time is removed unless it was registered again after it") { store in
            let users = Sample.users(2)
            let device = Sample.device(.apns(token: "t"), of: users[0], at: Sample.time(10))
            _ = try await store.register(device, maxPerUser: 1)
            _ = try await store.register(Sample.device(.apns(token: "t"), of: users[0], at: Sample.time(60)), maxPerUser: 1)
            for (user, seconds, isRemoved) in [(0, 30, false), (0, 59.999, false), (1, 90, false), (0, 60, true), (0, 60, false)]
                as [(Int, Double, Bool)]
            {
                let removed = try await store.remove(device.id, of: users[user], ifRegisteredBefore: Sample.time(seconds))
                try checkEqual(removed, isRemoved, "whether it was removed, gone at \(seconds)")
            }
            try checkEqual(try await store.devices(of: users[0]), [], "the devices")
        },
        ConformanceCase("an address registered by another user is theirs alone, under its old id") { store in
            let users = Sample.users(2)
            let first = Sample.device(.fcm(token: "t"), of: users[0])
            _ = try await store.register(first, maxPerUser: 10)
            let moved = try checkMoved(try await store.register(Sample.device(.fcm(token: "t"), of: users[1]), maxPerUser: 10))
            try checkEqual(moved.id, first.id, "the id")
            try checkEqual(moved.userID, users[1], "the user")
            try checkEqual(try await store.devices(of: users[0]), [], "the first user's devices")
            try checkEqual(try await store.devices(of: users[1]), [moved], "the second user's devices")
            try checkEqual(try await store.remove(first.id, of: users[0]), false, "whether the first user can remove it")
        },
        ConformanceCase("a browser that renews its keys is the same device, with the new keys") { store in
            let user = Sample.users(1)[0]
            let first = Sample.device(Sample.webPush("https://push.example/1", p256dh: "old", auth: "old"), of: user)
            _ = try await store.register(first, maxPerUser: 1)
            let renewed = Sample.webPush("https://push.example/1", p256dh: "new", auth: "new")
            let moved = try checkMoved(try await store.register(Sample.device(renewed, of: user), maxPerUser: 1))
            try checkEqual(moved.id, first.id, "the id")
            try checkEqual(try await store.devices(of: user).map(\.address), [renewed], "the addresses")
        },
        ConformanceCase("addresses that differ in kind or in a single byte are different devices") { store in
            let user = Sample.users(1)[0]
            let addresses: [PushAddress] = [
                .apns(token: "t"), .fcm(token: "t"), .apns(token: "T"), Sample.webPush("t"), .apns(token: "t "),
                .apns(token: "007"),
                .apns(token: "7"),
            ]
            for address in addresses {
                let device = Sample.device(address, of: user)
                try checkEqual(try await store.register(device, maxPerUser: 10), .added(device), "the registration")
            }
            try checkEqual(Set(try await store.devices(of: user).map(\.address)), Set(addresses), "the addresses")
        },
        ConformanceCase("a user has no more devices than allowed, neither new ones nor those of others") { store in
            let users = Sample.users(2)
            let taken = Sample.device(.apns(token: "taken"), of: users[1])
            _ = try await store.register(taken, maxPerUser: 2)
            for token in ["1", "2"] {
                _ = try await store.register(Sample.device(.apns(token: token), of: users[0]), maxPerUser: 2)
            }
            for token in ["3", "taken"] {
                let outcome = try await store.register(Sample.device(.apns(token: token), of: users[0]), maxPerUser: 2)
                try checkEqual(outcome, .tooMany, "the registration of '\(token)'")
            }
            try checkEqual(try await store.devices(of: users[0]).count, 2, "the devices")
            try checkEqual(try await store.devices(of: users[1]), [taken], "the other user's devices")
            _ = try checkMoved(try await store.register(Sample.device(.apns(token: "1"), of: users[0]), maxPerUser: 2))
        },
        ConformanceCase("devices registered at the same time are no more than allowed") { store in
            let user = Sample.users(1)[0]
            let outcomes = try await concurrently(32) {
                try await store.register(Sample.device(.apns(token: "\($0)"), of: user), maxPerUser: 5)
            }
            try checkEqual(outcomes.count { $0 == .tooMany }, 27, "refused")
            try checkEqual(try await store.devices(of: user).count, 5, "the devices")
        },
        ConformanceCase("one address registered by many at the same time belongs to one of them") { store in
            let users = Sample.users(16)
            let outcomes = try await concurrently(16) {
                try await store.register(Sample.device(.apns(token: "t"), of: users[$0]), maxPerUser: 5)
            }
            let ids = outcomes.compactMap { outcome -> DeviceID? in
                switch outcome {
                case .added(let device), .moved(let device): device.id
                case .tooMany: nil
                }
            }
            try checkEqual(ids.count, 16, "accepted")
            try checkEqual(Set(ids).count, 1, "different ids")
            try checkEqual(try await store.devices(of: users).values.flatMap { $0 }.map(\.id), [ids[0]], "the devices of all")
        },
        ConformanceCase("a user removes their own devices only, once") { store in
            let users = Sample.users(2)
            let device = Sample.device(.apns(token: "t"), of: users[0])
            _ = try await store.register(device, maxPerUser: 10)
            try checkEqual(try await store.remove(device.id, of: users[1]), false, "whether another user removed it")
            try checkEqual(try await store.remove(.random(), of: users[0]), false, "whether an unknown one was removed")
            try checkEqual(try await store.remove(device.id, of: users[0]), true, "whether its user removed it")
            try checkEqual(try await store.remove(device.id, of: users[0]), false, "whether it was removed twice")
            try checkEqual(try await store.devices(of: users[0]), [], "the devices")
            let again = Sample.device(.apns(token: "t"), of: users[0])
            try checkEqual(try await store.register(again, maxPerUser: 10), .added(again), "the registration after the removal")
        },
        ConformanceCase("the devices of many users are those of each who has any") { store in
            let users = Sample.users(600)
            var expected: [UserID: [Device]] = [:]
            for place in [3, 77, 599] {
                expected[users[place]] = (0..<2).map {
                    Sample.device(.apns(token: "\(place).\($0)"), of: users[place], at: Sample.time(Double($0)))
                }
                for device in expected[users[place]]! { _ = try await store.register(device, maxPerUser: 10) }
            }
            _ = try await store.register(Sample.device(.apns(token: "stranger"), of: .random()), maxPerUser: 10)
            try checkEqual(try await store.devices(of: users), expected, "the devices")
            try checkEqual(try await store.devices(of: [UserID]()), [:], "the devices of nobody")
        },
    ]

    private static func checkMoved(_ outcome: DeviceRegistration, line: UInt = #line) throws -> Device {
        guard case .moved(let device) = outcome else {
            throw ConformanceFailure(description: "\(#fileID):\(line): the registration: found \(outcome), expected moved")
        }
        return device
    }
}
