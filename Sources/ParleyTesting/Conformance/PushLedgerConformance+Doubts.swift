import ParleyCore
import ParleyModel

extension PushLedgerConformance {
    /// Alerts of which nobody knows whether they were sent.
    static let doubts: [ConformanceCase<LedgerSubject>] = [
        ConformanceCase("an alert that may have been sent is granted again at once, counts once, and is taken back when it is read") {
            subject in
            for badge in [nil, 0] as [Int64?] {
                let reader = try await subject.reader()
                let messages = try await reader.receive(3)
                let alert = reader.alert(messages[0])
                for _ in 0..<3 {
                    try checkEqual(try await reader.claim(alert), .granted(earlier: 0), "the claim")
                    try await reader.ledger.settle([alert.key: .unknown(badge: badge)], at: Sample.start)
                    try await reader.ledger.settle([alert.key: .unknown(badge: badge)], at: Sample.start)
                }
                try checkEqual(try await reader.due(), [], "what is due before it is read")
                try checkEqual(try await reader.claim(reader.alert(messages[1])), .granted(earlier: 1), "the next one")
                try await reader.ledger.settle([reader.alert(messages[1]).key: .released], at: Sample.start)
                try await reader.read(to: 1)
                let due = try await reader.due()
                try checkEqual(due, [reader.takeBack(1)], "what is due when it is read")
                try await reader.finish(due[0])
                try await reader.read(to: 3)
                try checkEqual(try await reader.due(at: 1_000_000), [], "what is due when nothing can be shown any more")
            }
        },
        ConformanceCase("an alert that turns out to be sent after all counts once") { subject in
            let reader = try await subject.reader()
            let messages = try await reader.receive(2)
            let alert = reader.alert(messages[0])
            _ = try await reader.claim(alert)
            try await reader.ledger.settle([alert.key: .unknown(badge: nil)], at: Sample.start)
            try await reader.show(messages[0])
            try checkEqual(try await reader.claim(alert), .sent, "the alert")
            try await reader.ledger.settle([alert.key: .unknown(badge: 4)], at: Sample.start)
            try checkEqual(try await reader.claim(alert), .sent, "the alert, when somebody does not know it")
            try checkEqual(try await reader.claim(reader.alert(messages[1])), .granted(earlier: 1), "the next one")
        },
        ConformanceCase("that it was not sent this time does not change that it may have been sent before") { subject in
            // The second worker's claim follows one whose answer was lost, or whose worker died.
            for isToldOf in [true, false] {
                let reader = try await subject.reader()
                let messages = try await reader.receive(2)
                let alert = reader.alert(messages[0])
                _ = try await reader.claim(alert)
                if isToldOf { try await reader.ledger.settle([alert.key: .unknown(badge: nil)], at: Sample.start) }
                for look in 1...3 {
                    let seconds = Double(look) * 40
                    try checkEqual(try await reader.claim(alert, at: seconds), .granted(earlier: 0), "claim \(look)")
                    try await reader.ledger.settle([alert.key: .released], at: Sample.time(seconds))
                    try await reader.ledger.settle([alert.key: .released], at: Sample.time(seconds))
                }
                try checkEqual(try await reader.claim(reader.alert(messages[1]), at: 200), .granted(earlier: 1), "the next one")
                try await reader.ledger.settle([reader.alert(messages[1]).key: .released], at: Sample.time(200))
                try await reader.read(to: 1, at: 200)
                let due = try await reader.due(at: 200)
                try checkEqual(due, [reader.takeBack(1)], "what is due when it is read")
                try await reader.finish(due[0], at: 200)
            }
        },
        ConformanceCase("alerts that may have been sent and a new one, claimed together, count one after the other") { subject in
            let reader = try await subject.reader()
            let alerts = try await reader.receive(3).map { reader.alert($0) }
            for alert in alerts[..<2] { _ = try await reader.claim(alert) }
            let claims = try await reader.ledger.claim(alerts, until: Sample.time(70), at: Sample.time(40))
            try checkEqual(
                alerts.map { claims[$0.key] }, [.granted(earlier: 1), .granted(earlier: 1), .granted(earlier: 2)], "the claims")
        },
        ConformanceCase("an alert that may have been sent counts again when something before it was read meanwhile") { subject in
            let reader = try await subject.reader()
            let alerts = try await reader.receive(3).map { reader.alert($0) }
            _ = try await reader.claim(alerts[1])
            try await reader.read(to: 1)
            try checkEqual(try await reader.claim(alerts[1], at: 40), .granted(earlier: 0), "the claim")
            try checkEqual(try await reader.claim(alerts[2], at: 41), .granted(earlier: 1), "the next one")
        },
        ConformanceCase(
            "an alert that may have been sent counts beside new ones that are claimed with it, when something was read meanwhile"
        ) {
            subject in
            for areReleased in [false, true] {
                let reader = try await subject.reader()
                let alerts = try await reader.receive(4).map { reader.alert($0) }
                _ = try await reader.claim(alerts[1])
                try await reader.read(to: 1)
                for takeBack in try await reader.due() { try await reader.finish(takeBack) }
                let claims = try await reader.ledger.claim(Array(alerts[1...2]), until: Sample.time(70), at: Sample.time(40))
                try checkEqual(alerts[1...2].map { claims[$0.key] }, [.granted(earlier: 0), .granted(earlier: 1)], "the claims")
                if areReleased {
                    // The first one may be shown all the same.
                    let outcomes = [alerts[1].key: AlertOutcome.released, alerts[2].key: .released]
                    try await reader.ledger.settle(outcomes, at: Sample.time(40))
                    try await reader.read(to: 2, at: 41)
                    let due = try await reader.due(at: 41)
                    try checkEqual(due, [reader.takeBack(2)], "what is due when it is read")
                    try await reader.finish(due[0], at: 41)
                } else {
                    try checkEqual(try await reader.claim(alerts[3], at: 41), .granted(earlier: 2), "the next one")
                }
            }
        },
        ConformanceCase("what a dead worker had claimed is taken back when it is read, also while its claim goes on") { subject in
            for seconds in [1.0, 1000] {
                let reader = try await subject.reader(devices: 2)
                let messages = try await reader.receive(2)
                _ = try await reader.claim(reader.alert(messages[0]))
                try await reader.read(to: 1, at: seconds)
                let due = try await reader.due(at: seconds)
                try checkEqual(due, [reader.takeBack(1)], "what is due")
                try await reader.finish(due[0], at: seconds)
            }
        },
        ConformanceCase("a number that may have been told makes any reading due, and 0 leaves the number before it") { subject in
            let reader = try await subject.reader()
            let second = try await subject.stores.group([reader.other, reader.user])
            let messages = try await reader.receive(2)
            try await reader.receive(3, in: second)
            for (place, badge) in [(0, 5), (1, 0)] as [(Int, Int64)] {
                let alert = reader.alert(messages[place])
                _ = try await reader.claim(alert)
                try await reader.ledger.settle([alert.key: .unknown(badge: badge)], at: Sample.start)
                let sequence = Int64(place + 1)
                try await reader.read(to: sequence, in: second)
                let due = try await reader.due()
                try checkEqual(due, [reader.takeBack(sequence, in: second)], "what is due with \(badge)")
                // The device that took it back is not told of: what it shows stays as it was.
                try await reader.finish(due[0])
            }
            try await reader.show(try await reader.receive(1)[0], badge: 0)
            try await reader.read(to: 3, in: second)
            try checkEqual(try await reader.due(), [], "what is due when 0 has certainly been told")
        },
        ConformanceCase("an alert that may have been sent after its message was read, or its user has left, is taken back") { subject in
            for leaves in [true, false] {
                let reader = try await subject.reader()
                let alert = reader.alert(try await reader.receive(2)[0])
                _ = try await reader.claim(alert)
                if leaves {
                    _ = try await subject.stores.conversations.remove(reader.user, from: reader.conversation, at: Sample.start)
                } else {
                    try await reader.read(to: 2)
                }
                for takeBack in try await reader.due() { try await reader.finish(takeBack) }
                try await reader.ledger.settle([alert.key: .unknown(badge: 0)], at: Sample.start)
                let due = try await reader.due()
                try checkEqual(due, [reader.takeBack(2)], "what is due")
                try await reader.finish(due[0])
            }
        },
        ConformanceCase("an outcome after something else was read leaves what may be shown") { subject in
            let reader = try await subject.reader()
            let second = try await subject.stores.group([reader.other, reader.user])
            let messages = try await reader.receive(4)
            try await reader.receive(1, in: second)
            let alerts = messages.map { reader.alert($0) }
            for alert in alerts[..<3] { _ = try await reader.claim(alert) }
            try await reader.read(to: 1, in: second)
            try await reader.ledger.settle(
                [alerts[0].key: .sent(badge: nil), alerts[1].key: .unknown(badge: nil), alerts[2].key: .released], at: Sample.start)
            // Whether the released one was counted is not known any more: so it may count.
            let claim = try await reader.claim(alerts[3])
            try check(claim == .granted(earlier: 2) || claim == .granted(earlier: 3), "a claim of \(String(describing: claim))")
            try await reader.read(to: 2)
            try checkEqual(try await reader.due(), [reader.takeBack(2)], "what is due")
        },
    ]
}
