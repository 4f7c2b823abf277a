import ParleyCore
import ParleyModel

/// What ``ParleyCore/PushLedger`` promises.
public enum PushLedgerConformance {
    public static let cases: [ConformanceCase<LedgerSubject>] = claims + doubts + forgetting + readings + leases + late + devices + totals

    private static let claims: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("an alert is granted once, and when it was sent there is nothing to do") { subject in
            let reader = try await subject.reader(devices: 2)
            let message = try await reader.receive(1)[0]
            let alert = reader.alert(message)
            try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the first claim")
            try checkEqual(try await reader.claim(alert), .held, "a claim meanwhile")
            try checkEqual(try await reader.claim(reader.alert(message, on: reader.devices[1])), .granted(earlier: 0), "another device")
            try await reader.ledger.settle([alert.key: .sent(badge: nil)], at: Sample.start)
            for seconds in [0, 29, 30, 1_000_000.0] {
                try checkEqual(try await reader.claim(alert, at: seconds), .sent, "a claim afterwards")
            }
        },
        ConformanceCase("of workers that claim the same alerts at once one gets each, and the others wait") { subject in
            let reader = try await subject.reader()
            let alerts = try await reader.receive(20).map { reader.alert($0) }
            let claims = try await concurrently(16) { number in
                let ledger = number % 2 == 0 ? subject.ledger : subject.other
                let mine = number % 3 == 0 ? alerts : alerts.reversed()
                return try await ledger.claim(mine, until: Sample.time(30), at: Sample.start)
            }
            var earlier: Set<Int> = []
            for alert in alerts {
                let answers = claims.map { $0[alert.key] }
                try checkEqual(answers.count { $0 == .held }, 15, "who waits")
                for case .granted(let count)? in answers { earlier.insert(count) }
            }
            try checkEqual(earlier, Set(0..<20), "how many each of them counts before itself")
        },
        ConformanceCase("of workers that claim different alerts of a conversation at once each counts those of the others") { subject in
            let reader = try await subject.reader(devices: 2)
            let messages = try await reader.receive(32)
            let counts = try await concurrently(16) { number in
                let ledger = number % 2 == 0 ? subject.ledger : subject.other
                let mine = messages[2 * number...2 * number + 1].map { reader.alert($0) }
                let claims = try await ledger.claim(mine, until: Sample.time(30), at: Sample.start)
                return mine.compactMap { claims[$0.key] }
            }
            for pair in counts {
                guard case .granted(let first) = pair[0] else { throw ConformanceFailure(description: "not granted") }
                try checkEqual(pair[1], .granted(earlier: first + 1), "the second of a worker")
            }
            let earlier = counts.joined().map { if case .granted(let count) = $0 { count } else { -1 } }
            try checkEqual(earlier.sorted(), Array(0..<32), "how many each of them counts before itself")
            try checkEqual(try await reader.claim(reader.alert(messages[0], on: reader.devices[1])), .granted(earlier: 0), "elsewhere")
        },
        ConformanceCase("a claim that ended without an outcome is granted again, and not before") { subject in
            let reader = try await subject.reader()
            let alert = reader.alert(try await reader.receive(1)[0])
            try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the first claim")
            try checkEqual(try await reader.claim(alert, at: 29.999), .held, "before its end")
            try checkEqual(try await reader.claim(alert, at: 30), .granted(earlier: 0), "at its end")
            try checkEqual(try await reader.claim(alert, at: 59), .held, "before the end of the second")
            // The first worker was only slow.
            try await reader.ledger.settle([alert.key: .sent(badge: nil)], at: Sample.time(59))
            try checkEqual(try await reader.claim(alert, at: 61), .sent, "when it turns out to be sent")
        },
        ConformanceCase("an alert that was not sent is granted again at once") { subject in
            let reader = try await subject.reader()
            let alert = reader.alert(try await reader.receive(1)[0])
            for _ in 0..<3 {
                try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the claim")
                try await reader.ledger.settle([alert.key: .released], at: Sample.start)
            }
        },
        ConformanceCase("an outcome that is told twice, or of an alert that nobody claimed, counts once or not at all") { subject in
            let reader = try await subject.reader()
            let messages = try await reader.receive(2)
            try await reader.show(messages[0])
            let key = reader.alert(messages[0]).key
            try await reader.ledger.settle([key: .sent(badge: nil)], at: Sample.time(1))
            try await reader.ledger.settle([key: .released], at: Sample.time(2))
            try checkEqual(try await reader.claim(reader.alert(messages[0])), .sent, "the alert")
            try await reader.ledger.settle([reader.alert(messages[1]).key: .sent(badge: 5)], at: Sample.time(3))
            try await reader.ledger.settle([:], at: Sample.time(3))
            try checkEqual(try await reader.claim(reader.alert(messages[1])), .granted(earlier: 1), "the next one")
        },
        ConformanceCase("earlier alerts are those of the conversation on the device, sent since its user last read in it") { subject in
            let reader = try await subject.reader(devices: 2)
            let second = try await subject.stores.group([reader.other, reader.user])
            let (messages, others) = (try await reader.receive(9), try await reader.receive(3, in: second))
            for place in 0..<3 { try await reader.show(messages[place]) }
            try await reader.show(messages[0], on: reader.devices[1])
            try await reader.show(others[0])
            try checkEqual(try await reader.claim(reader.alert(messages[3])), .granted(earlier: 3), "on the first device")
            let onSecond = try await reader.claim(reader.alert(messages[3], on: reader.devices[1]))
            try checkEqual(onSecond, .granted(earlier: 1), "on the second device")
            try checkEqual(try await reader.claim(reader.alert(others[1])), .granted(earlier: 1), "in the other conversation")
            try await reader.read(to: 3)
            try checkEqual(try await reader.claim(reader.alert(messages[4])), .granted(earlier: 0), "after reading")
            try await reader.ledger.settle([reader.alert(messages[4]).key: .sent(badge: nil)], at: Sample.start)
            try checkEqual(try await reader.claim(reader.alert(messages[5])), .granted(earlier: 1), "the one after it")
            try checkEqual(try await reader.claim(reader.alert(others[2])), .granted(earlier: 2), "in the conversation that was not read")
        },
        ConformanceCase("there is one answer for each alert of a batch, whatever is asked twice") { subject in
            let reader = try await subject.reader(devices: 3)
            let alerts = try await reader.receive(100).flatMap { message in reader.devices.map { reader.alert(message, on: $0) } }
            let claims = try await reader.ledger.claim(alerts + alerts.prefix(50), until: Sample.time(30), at: Sample.start)
            try checkEqual(claims.count, 300, "the answers")
            for (place, alert) in alerts.enumerated() {
                try checkEqual(claims[alert.key], .granted(earlier: place / 3), "the answer to \(place)")
            }
            try checkEqual(try await reader.ledger.claim([], until: Sample.time(30), at: Sample.start), [:], "the answers to nothing")
            let outcomes = Dictionary(
                uniqueKeysWithValues: alerts.enumerated().map { ($1.key, $0 % 2 == 0 ? AlertOutcome.released : .sent(badge: 7)) })
            try await reader.ledger.settle(outcomes, at: Sample.start)
            let again = try await reader.ledger.claim(alerts, until: Sample.time(30), at: Sample.start)
            var earlier = Dictionary(uniqueKeysWithValues: reader.devices.map { ($0, 50) })
            for (place, alert) in alerts.enumerated() {
                let count = earlier[alert.key.deviceID] ?? 0
                try checkEqual(again[alert.key], place % 2 == 0 ? .granted(earlier: count) : .sent, "the answer to \(place) later")
                if place % 2 == 0 { earlier[alert.key.deviceID] = count + 1 }
            }
        },
        ConformanceCase("a message without a number is alerted of, and counts until something is read") { subject in
            let reader = try await subject.reader()
            let messages = try await reader.receive(2)
            let key = AlertKey(messageID: messages[0].id, deviceID: reader.devices[0])
            let alert = IntendedAlert(key: key, conversationID: reader.conversation, userID: reader.user, sequenceNumber: nil)
            try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the claim")
            try await reader.ledger.settle([key: .sent(badge: nil)], at: Sample.start)
            try checkEqual(try await reader.due(), [], "what is due")
            try checkEqual(try await reader.claim(reader.alert(messages[1])), .granted(earlier: 1), "the next one")
            try await reader.read(to: 1)
            try checkEqual(try await reader.due(), [reader.takeBack(1)], "what is due after reading")
        },
    ]

    private static let forgetting: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("alerts of old messages are forgotten, oldest first, as many as asked for, with claims") { subject in
            let reader = try await subject.reader()
            let other = try await subject.device(of: reader.user)
            func alert(_ seconds: Double, on device: DeviceID? = nil) -> IntendedAlert {
                let id = MessageID(high: MessageID.lowest(of: Sample.time(seconds)).high | 0xABCD, low: 7)
                return IntendedAlert(
                    key: AlertKey(messageID: id, deviceID: device ?? reader.devices[0]), conversationID: reader.conversation,
                    userID: reader.user, sequenceNumber: 1)
            }
            let sent = [alert(20), alert(0), alert(10), alert(0, on: other)]
            _ = try await reader.ledger.claim(sent + [alert(30), alert(100)], until: Sample.time(200), at: Sample.time(150))
            try await reader.ledger.settle(Dictionary(uniqueKeysWithValues: sent.map { ($0.key, .sent(badge: nil)) }), at: Sample.time(160))
            try checkEqual(try await reader.ledger.forgetAlerts(before: Sample.start, limit: 10), 0, "of those that are too young")
            try checkEqual(try await reader.ledger.forgetAlerts(before: Sample.time(100), limit: 3), 3, "of five, three")
            try checkEqual(try await reader.claim(sent[0], at: 170), .sent, "the youngest of them")
            try checkEqual(try await reader.ledger.forgetAlerts(before: Sample.time(100), limit: 10), 2, "the rest")
            try checkEqual(try await reader.ledger.forgetAlerts(before: Sample.time(100), limit: 10), 0, "what is left")
            // Three were sent to the device, two claimed; and each of these counts for the next.
            for (place, seconds) in [0.0, 10, 20, 30].enumerated() {
                try checkEqual(
                    try await reader.claim(alert(seconds), at: 170), .granted(earlier: 5 + place),
                    "a forgotten one, which devices still show")
            }
            try checkEqual(try await reader.claim(alert(100), at: 170), .held, "the claim of the young one")
        }
    ]

    private static let totals: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("unread totals are the sum of what lists show, through sends, readings, joins and leaves (P4)") { subject in
            try await withSeed { random in
                let users = Sample.users(5)
                let stores = subject.stores
                var conversations = [try await stores.group(users), try await stores.group(Array(users[..<3]))]
                for other in users[1...] { conversations.append(try await stores.direct(users[0], other)) }
                for _ in 0..<120 {
                    let (user, id) = (random.pick(users), random.pick(conversations))
                    switch random.number(0...9) {
                    case 0...4: try await stores.send((0..<random.number(1...4)).map { _ in Sample.draft(in: id, from: user) })
                    case 5...7: _ = try await stores.conversations.advanceRead(of: user, in: id, to: Int64(random.number(0...30)))
                    case 8 where user != users[0]: _ = try await stores.conversations.remove(user, from: conversations[0])
                    default:
                        _ = try await stores.conversations.setRole(
                            of: user, in: conversations[0], to: user == users[0] ? .owner : .member, maxParticipants: 10,
                            joinedAt: Sample.start)
                    }
                }
                let stranger = UserID.random()
                var expected = [stranger: Int64(0)]
                for user in users {
                    expected[user] = try await stores.pages(of: user, limit: 3).reduce(0) { $0 + $1.readState.unreadCount }
                }
                try checkEqual(try await subject.ledger.unreadTotals(of: users + [stranger, users[1]]), expected, "the totals")
                try checkEqual(try await subject.ledger.unreadTotals(of: []), [:], "those of nobody")
            }
        },
        ConformanceCase("unread totals of 10,000 users are counted at once") { subject in
            let users = Sample.users(10_000)
            let stores = subject.stores
            let id = try await stores.group(users)
            try await stores.send(3, in: id, from: users[0])
            for place in 1...50 { _ = try await stores.conversations.advanceRead(of: users[place], in: id, to: Int64(place % 4)) }
            let totals = try await subject.ledger.unreadTotals(of: users)
            try checkEqual(totals.count, 10_000, "the users")
            for (place, user) in users.enumerated() {
                let read = (1...50).contains(place) ? Int64(place % 4) : 0
                try checkEqual(totals[user], place == 0 ? 0 : 3 - read, "the total of user \(place)")
            }
        },
    ]

    /// For ledgers of workers that know their own claims from others'.
    public static let severalWorkers: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("a worker whose claim has ended cannot let go of that of another one") { subject in
            let reader = try await subject.reader()
            let alert = reader.alert(try await reader.receive(1)[0])
            try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the first claim")
            let second = try await subject.other.claim([alert], until: Sample.time(90), at: Sample.time(60))
            try checkEqual(second[alert.key], .granted(earlier: 0), "the other worker's claim")
            try await subject.ledger.settle([alert.key: .released], at: Sample.time(61))
            try checkEqual(try await reader.claim(alert, at: 62), .held, "a third claim")
            try await subject.other.settle([alert.key: .released], at: Sample.time(63))
            try checkEqual(try await reader.claim(alert, at: 64), .granted(earlier: 0), "a claim after its own worker let go of it")
        },
        ConformanceCase("a worker whose claim has ended and that does not know what was sent does not end that of another one") { subject in
            let reader = try await subject.reader()
            let alert = reader.alert(try await reader.receive(1)[0])
            _ = try await reader.claim(alert)
            _ = try await subject.other.claim([alert], until: Sample.time(90), at: Sample.time(60))
            try await subject.ledger.settle([alert.key: .unknown(badge: 1)], at: Sample.time(61))
            try checkEqual(try await reader.claim(alert, at: 62), .held, "a third claim")
            try await subject.other.settle([alert.key: .unknown(badge: 1)], at: Sample.time(63))
            try checkEqual(try await reader.claim(alert, at: 64), .granted(earlier: 0), "a claim after its own worker let go of it")
        },
    ]
}
