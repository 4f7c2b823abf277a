import ParleyCore
import ParleyModel

extension PushLedgerConformance {
    static let readings: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("reading where a device shows alerts makes the taking back due once, direct or group") { subject in
            for isDirect in [true, false] {
                let reader = try await subject.reader(devices: 3, isDirect: isDirect)
                let messages = try await reader.receive(4)
                try await reader.show(messages[0], on: reader.devices[1])
                try checkEqual(try await reader.due(), [], "what is due before")
                try await reader.read(to: 0)
                try checkEqual(try await reader.due(), [], "what is due when nothing was read")
                try await reader.read(to: 2, at: 5)
                try checkEqual(try await reader.due(at: 4), [], "what is due earlier")
                let due = try await reader.due(at: 5)
                try checkEqual(due, [reader.takeBack(2)], "what is due")
                try await reader.finish(due[0], at: 6)
                try await reader.read(to: 4, at: 7)
                try checkEqual(try await reader.due(at: 1_000_000), [], "what is due when nothing is shown any more")
            }
        },
        ConformanceCase("nothing is due of a user none of whose devices was told anything") { subject in
            let reader = try await subject.reader(devices: 2)
            let messages = try await reader.receive(3)
            try await reader.read(to: 1)
            let alert = reader.alert(messages[1])
            _ = try await reader.claim(alert)
            try await reader.ledger.settle([alert.key: .released], at: Sample.start)
            try await reader.read(to: 2)
            let second = try await subject.reader()
            try await second.show(try await second.receive(1)[0])
            try await reader.read(to: 3)
            try checkEqual(try await reader.due(), [], "what is due")
        },
        ConformanceCase("a number other than 0 makes any reading due, alerts only that of their conversation") { subject in
            let reader = try await subject.reader(devices: 2)
            let second = try await subject.stores.direct(reader.other, reader.user)
            let messages = try await reader.receive(2)
            try await reader.receive(4, in: second)
            try await reader.show(messages[0])
            try await reader.read(to: 1, in: second)
            try checkEqual(try await reader.due(), [], "what is due when the other conversation is read")
            try await reader.show(messages[1], badge: 5)
            try await reader.read(to: 2, in: second)
            let due = try await reader.due()
            try checkEqual(due, [reader.takeBack(2, in: second)], "what is due when there is a number")
            try await reader.finish(due[0], [reader.devices[0]: 4, reader.devices[1]: 4])
            try await reader.read(to: 3, in: second)
            let again = try await reader.due()
            try checkEqual(again, [reader.takeBack(3, in: second)], "what is due while there is a number still")
            try await reader.finish(again[0], [reader.devices[0]: 0, reader.devices[1]: 0])
            try await reader.read(to: 4, in: second)
            try checkEqual(try await reader.due(), [], "what is due when the number is 0")
            try await reader.read(to: 2)
            try checkEqual(try await reader.due(), [reader.takeBack(2)], "what is due where alerts are shown")
        },
        ConformanceCase("a number that only the taking back told counts too, and of a device that is gone it does not") { subject in
            let reader = try await subject.reader(devices: 2)
            let messages = try await reader.receive(4)
            try await reader.show(messages[0], badge: 4)
            try await reader.read(to: 1)
            let due = try await reader.due()
            try await reader.finish(due[0], [reader.devices[0]: 0, reader.devices[1]: 3, .random(): 9])
            try await reader.read(to: 2)
            let again = try await reader.due()
            try checkEqual(again, [reader.takeBack(2)], "what is due")
            try await reader.finish(again[0], [reader.devices[1]: 0])
            try await reader.read(to: 3)
            try checkEqual(try await reader.due(), [], "what is due when all are 0")
        },
        ConformanceCase("leaving, and being removed, makes it due up to the last message") { subject in
            for badge in [nil, 3] as [Int64?] {
                let reader = try await subject.reader()
                let messages = try await reader.receive(3)
                let elsewhere = try await subject.stores.group([reader.other, reader.user])
                try await reader.receive(1, in: elsewhere)
                try await reader.show(messages[0], badge: badge)
                _ = try await subject.stores.conversations.remove(reader.user, from: reader.conversation, at: Sample.start)
                let due = try await reader.due()
                try checkEqual(due, [reader.takeBack(3)], "what is due")
                try await reader.finish(due[0], [reader.devices[0]: 1])
                try checkEqual(try await reader.ledger.unreadTotals(of: [reader.user]), [reader.user: 1], "what is unread still")
                try checkEqual(try await reader.due(), [], "what is due afterwards")
            }
            let untold = try await subject.reader()
            _ = try await untold.receive(1)
            _ = try await subject.stores.conversations.remove(untold.user, from: untold.conversation, at: Sample.start)
            try checkEqual(try await untold.due(), [], "what is due of who was told nothing")
        },
    ]

    static let leases: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("what is leased nobody else gets, until the lease ends; longest due first, as many as asked for") { subject in
            var readers: [Reader] = []
            for number in [3, 1, 2] {
                let reader = try await subject.reader()
                try await reader.show(try await reader.receive(1)[0])
                try await reader.read(to: 1, at: Double(number))
                readers.append(reader)
            }
            let first = try await subject.ledger.leaseTakeBacks(limit: 2, seconds: 60, at: Sample.time(10))
            try checkEqual(first, [readers[1].takeBack(1), readers[2].takeBack(1)], "the longest due")
            let rest = try await subject.other.leaseTakeBacks(limit: 10, seconds: 20, at: Sample.time(10))
            try checkEqual(rest, [readers[0].takeBack(1)], "the rest, for another worker")
            try checkEqual(try await subject.ledger.leaseTakeBacks(limit: 10, seconds: 60, at: Sample.time(29.9)), [], "meanwhile")
            let again = try await subject.ledger.leaseTakeBacks(limit: 10, seconds: 60, at: Sample.time(30))
            try checkEqual(again, [readers[0].takeBack(1, attempt: 2)], "after the end of its lease")
        },
        ConformanceCase("workers that ask at once get each taking back once") { subject in
            var users: Set<UserID> = []
            for _ in 0..<20 {
                let reader = try await subject.reader()
                try await reader.show(try await reader.receive(1)[0])
                try await reader.read(to: 1)
                users.insert(reader.user)
            }
            let leased = try await concurrently(8) { number in
                let ledger = number % 2 == 0 ? subject.ledger : subject.other
                return try await ledger.leaseTakeBacks(limit: 5, seconds: 60, at: Sample.start)
            }
            let rest = try await subject.ledger.leaseTakeBacks(limit: 100, seconds: 60, at: Sample.start)
            let all = leased.flatMap(\.self) + rest
            try checkEqual(all.count, 20, "what was leased")
            try checkEqual(Set(all.map(\.userID)), users, "whose it was")
        },
        ConformanceCase("one that could not be done comes again when it was said, with its count") { subject in
            let reader = try await subject.reader()
            try await reader.show(try await reader.receive(1)[0])
            try await reader.read(to: 1)
            for attempt in 1...4 {
                let now = Double(attempt) * 7
                let due = try await reader.due(at: now)
                try checkEqual(due, [reader.takeBack(1, attempt: attempt)], "what is due")
                try await reader.ledger.finishTakeBacks([(due[0], .retry(after: 7))], at: Sample.time(now))
                try checkEqual(try await reader.due(at: now + 6.9), [], "what is due too early")
            }
        },
        ConformanceCase("one whose user has read further while it was leased stays due, as a new one") { subject in
            let reader = try await subject.reader()
            let messages = try await reader.receive(3)
            try await reader.show(messages[0])
            try await reader.read(to: 1)
            let due = try await reader.due()
            // Nothing new is shown, and there is no number: what was counted for it is old all the same.
            try await reader.read(to: 2, at: 1)
            try checkEqual(try await reader.due(at: 1), [], "what is due while the lease lasts")
            try await reader.finish(due[0], [reader.devices[0]: 0], at: 2)
            let again = try await reader.due(at: 2)
            try checkEqual(again, [reader.takeBack(2)], "what is due afterwards")
            try await reader.finish(again[0], [reader.devices[0]: 0], at: 3)
            try checkEqual(try await reader.due(at: 1_000_000), [], "what is due at the end")
        },
        ConformanceCase("who finishes a lease that had ended ends nobody else's") { subject in
            let reader = try await subject.reader()
            try await reader.show(try await reader.receive(2)[0], badge: 2)
            try await reader.read(to: 1)
            let first = try await reader.due()[0]
            let second = try await reader.due(at: 60)[0]
            try await reader.finish(first, [reader.devices[0]: 1], at: 61)
            try await reader.ledger.finishTakeBacks([(first, .retry(after: 0))], at: Sample.time(61))
            try checkEqual(try await reader.due(at: 62), [], "what is due while the second lease lasts")
            let third = try await reader.due(at: 120)
            try checkEqual(third, [reader.takeBack(1, attempt: 3)], "what is due when it has ended too")
            try await reader.finish(second, [reader.devices[0]: 1], at: 121)
            try await reader.finish(third[0], [reader.devices[0]: 1], at: 122)
            try await reader.finish(third[0], [reader.devices[0]: 1], at: 122)
            try checkEqual(try await reader.due(at: 1_000_000), [], "what is due at the end")
        },
    ]

    /// What comes from outside takes its time: between a claim, or a lease, and its end other things happen.
    static let late: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("an alert that turns out to be sent after its message was read is taken back") { subject in
            let reader = try await subject.reader()
            let messages = try await reader.receive(3)
            let alerts = messages.map { reader.alert($0) }
            for alert in alerts { _ = try await reader.claim(alert) }
            try await reader.read(to: 2)
            let early = try await reader.due()
            try checkEqual(early, [reader.takeBack(2)], "what is due while nobody knows")
            try await reader.finish(early[0])
            try await reader.ledger.settle([alerts[2].key: .sent(badge: nil)], at: Sample.time(1))
            try checkEqual(try await reader.due(at: 1), [], "what is due for one that is not read")
            try await reader.ledger.settle([alerts[1].key: .sent(badge: nil), alerts[0].key: .released], at: Sample.time(1))
            try checkEqual(try await reader.due(at: 1), [reader.takeBack(2)], "what is due for one that is")
            let next = try await reader.receive(1)[0]
            try checkEqual(try await reader.claim(reader.alert(next)), .granted(earlier: 1), "what is shown of what is not read")
        },
        ConformanceCase("an alert that turns out to be sent after its user has left is taken back") { subject in
            let reader = try await subject.reader()
            let alert = reader.alert(try await reader.receive(2)[0])
            _ = try await reader.claim(alert)
            _ = try await subject.stores.conversations.remove(reader.user, from: reader.conversation, at: Sample.start)
            try await reader.ledger.settle([alert.key: .sent(badge: nil)], at: Sample.start)
            try checkEqual(try await reader.due(), [reader.takeBack(2)], "what is due")
        },
        ConformanceCase("a number that was counted before something was read, and told after it, is taken back") { subject in
            for (badge, readsBetween) in [(2, true), (0, true), (nil, true), (2, false)] as [(Int64?, Bool)] {
                let reader = try await subject.reader()
                let second = try await subject.stores.group([reader.other, reader.user])
                let message = try await reader.receive(1)[0]
                try await reader.receive(1, in: second)
                let alert = reader.alert(message)
                _ = try await reader.claim(alert)
                if readsBetween { try await reader.read(to: 1, in: second) }
                try await reader.ledger.settle([alert.key: .sent(badge: badge)], at: Sample.start)
                let expected = badge == 2 && readsBetween ? [reader.takeBack(0)] : []
                let due = try await reader.due()
                try checkEqual(due, expected, "what is due with \(String(describing: badge))")
                for takeBack in due { try await reader.finish(takeBack, [reader.devices[0]: 0]) }
            }
        },
        ConformanceCase("a taking back whose numbers were counted before something was read stays due") { subject in
            let reader = try await subject.reader()
            let second = try await subject.stores.group([reader.other, reader.user])
            let message = try await reader.receive(2)[0]
            try await reader.receive(1, in: second)
            try await reader.show(message)
            try await reader.read(to: 1)
            let due = try await reader.due()
            try await reader.read(to: 1, in: second)
            try await reader.finish(due[0], [reader.devices[0]: 2])
            let again = try await reader.due()
            try checkEqual(again, [reader.takeBack(1, attempt: 2)], "what is due")
            try await reader.finish(again[0], [reader.devices[0]: 1])
            try checkEqual(try await reader.due(at: 1_000_000), [], "what is due at the end")
        },
        ConformanceCase("however reading and sending meet, what is shown of what was read is taken back") { subject in
            let reader = try await subject.reader()
            for number in 1...40 as ClosedRange<Int64> {
                let message = try await reader.receive(1)[0]
                let claim = try await reader.claim(reader.alert(message))
                try checkEqual(claim, .granted(earlier: 0), "the claim")
                let key = reader.alert(message).key
                _ = try await concurrently(2) { place in
                    if place == 0 {
                        try await subject.ledger.settle([key: .sent(badge: nil)], at: Sample.start)
                    } else {
                        _ = try await subject.stores.conversations.advanceRead(
                            of: reader.user, in: reader.conversation, to: number, at: Sample.start)
                    }
                }
                let due = try await reader.due()
                try checkEqual(due, [reader.takeBack(number)], "what is due")
                try await reader.finish(due[0])
            }
        },
        ConformanceCase("however reading and sending meet, a number that is not true any more is taken back") { subject in
            let reader = try await subject.reader()
            let second = try await subject.stores.group([reader.other, reader.user])
            let (user, device) = (reader.user, reader.devices[0])
            for number in 1...40 as ClosedRange<Int64> {
                let message = try await reader.receive(1)[0]
                try await reader.receive(1, in: second)
                let key = reader.alert(message).key
                _ = try await reader.claim(reader.alert(message))
                let told = try await concurrently(2) { place -> Int64? in
                    if place == 0 {
                        let badge = try await subject.ledger.unreadTotals(of: [user])[user]
                        try await subject.ledger.settle([key: .sent(badge: badge)], at: Sample.start)
                        return badge
                    }
                    _ = try await subject.stores.conversations.advanceRead(of: user, in: second, to: number, at: Sample.start)
                    return nil
                }
                let total = try await subject.ledger.unreadTotals(of: [user])[user]
                let due = try await reader.due()
                try check(told[0] == total || !due.isEmpty, "a number of \(told[0] ?? -1) where \(total ?? -1) are unread, and nothing due")
                // From a clean slate: everything is read, and every device shows 0.
                try await reader.read(to: number)
                for takeBack in due + (try await reader.due()) { try await reader.finish(takeBack, [device: 0]) }
                for takeBack in try await reader.due() { try await reader.finish(takeBack, [device: 0]) }
            }
        },
    ]

    static let devices: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("a device that is not the user's is alerted of nothing") { subject in
            let (reader, stranger) = (try await subject.reader(), try await subject.reader())
            let message = try await reader.receive(1)[0]
            for device in [DeviceID.random(), stranger.devices[0]] {
                try checkEqual(try await reader.claim(reader.alert(message, on: device)), .sent, "the claim")
            }
        },
        ConformanceCase("with a device goes what is remembered of it") { subject in
            let reader = try await subject.reader(devices: 2)
            let messages = try await reader.receive(3)
            try await reader.show(messages[0], badge: 3)
            let pending = reader.alert(messages[1])
            _ = try await reader.claim(pending)
            _ = try await subject.devices.remove(reader.devices[0], of: reader.user)
            try await reader.ledger.settle([pending.key: .sent(badge: 2)], at: Sample.start)
            try checkEqual(try await reader.claim(reader.alert(messages[2])), .sent, "a claim for it")
            try await reader.read(to: 2)
            try checkEqual(try await reader.due(), [], "what is due")
        },
        ConformanceCase("a device that is not removed keeps what is remembered of it") { subject in
            let reader = try await subject.reader()
            let message = try await reader.receive(1)[0]
            try await reader.show(message, badge: 1)
            let device = reader.devices[0]
            _ = try await subject.devices.remove(device, of: .random())
            _ = try await subject.devices.remove(device, of: reader.user, ifRegisteredBefore: Sample.time(-1))
            try checkEqual(try await reader.claim(reader.alert(message)), .sent, "a claim")
            try await reader.read(to: 1)
            try checkEqual(try await reader.due(), [reader.takeBack(1)], "what is due")
        },
        ConformanceCase("a device that another user registers shows its number still, and none of its alerts") { subject in
            let (old, new) = (try await subject.reader(), try await subject.reader(devices: 0))
            let first = Sample.device(.fcm(token: "shared"), of: old.user)
            _ = try await subject.devices.register(first, maxPerUser: 10)
            let message = try await old.receive(1)[0]
            try await old.show(message, on: first.id, badge: 1)
            _ = try await subject.devices.register(Sample.device(.fcm(token: "shared"), of: new.user), maxPerUser: 10)
            try await old.read(to: 1)
            try checkEqual(try await old.due(), [], "what is due of the first user")
            _ = try await new.receive(2)
            try await new.read(to: 1)
            let due = try await new.due()
            try checkEqual(due, [new.takeBack(1)], "what is due of the second user")
            try await new.finish(due[0], [first.id: 0])
            _ = try await subject.stores.conversations.setRole(
                of: new.user, in: old.conversation, to: .member, maxParticipants: 10, joinedAt: Sample.start)
            let next = try await old.receive(1)[0]
            try checkEqual(try await new.claim(new.alert(next, on: first.id)), .granted(earlier: 0), "the second user's claim")
            // Of what the device showed to its first user already the second one knows nothing.
            try checkEqual(try await new.claim(new.alert(message, on: first.id)), .granted(earlier: 1), "the claim of the same message")
            try await new.ledger.settle([new.alert(message, on: first.id).key: .sent(badge: 2)], at: Sample.start)
            try checkEqual(try await new.claim(new.alert(message, on: first.id)), .sent, "the claim of one that was sent")
        },
        ConformanceCase("an alert that another user's device had claimed is the new user's, and the old claim's end is nothing to them") {
            subject in
            let (old, new) = (try await subject.reader(), try await subject.reader(devices: 0))
            let device = Sample.device(.fcm(token: "shared"), of: old.user)
            _ = try await subject.devices.register(device, maxPerUser: 10)
            let message = try await old.receive(1)[0]
            try checkEqual(try await old.claim(old.alert(message, on: device.id)), .granted(earlier: 0), "the first user's claim")
            _ = try await subject.devices.register(Sample.device(.fcm(token: "shared"), of: new.user), maxPerUser: 10)
            try await old.ledger.settle([old.alert(message, on: device.id).key: .sent(badge: 1)], at: Sample.start)
            try await old.read(to: 1)
            try checkEqual(try await old.due(), [], "what is due of the first user")
            try checkEqual(try await new.claim(new.alert(message, on: device.id)), .granted(earlier: 0), "the second user's claim")
            try checkEqual(
                try await subject.other.claim([new.alert(message, on: device.id)], until: Sample.time(30), at: Sample.start)[
                    new.alert(message, on: device.id).key], .held, "another worker's")
        },
    ]
}
