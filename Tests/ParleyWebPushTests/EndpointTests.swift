import Dispatch
import ParleyModel
import Testing

@testable import ParleyWebPush

struct EndpointTests {
    private static let good = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"

    private func check(_ endpoint: String, _ rule: EndpointRule = EndpointRule()) throws {
        try rule.check(WebPushSubscription(endpoint: endpoint, p256dh: Self.good, auth: "BTBZMqHH6r4Tts7J_aSIgg"))
    }

    @Test(arguments: [
        "https://fcm.googleapis.com/fcm/send/abc:def", "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
        "https://web.push.apple.com/QNo", "https://wns2-par02p.notify.windows.com/w/?token=BQYA", "https://push.example:443/a",
        "https://PUSH.example.com",
    ])
    func `endpoints of push services are taken`(endpoint: String) throws { try check(endpoint) }

    @Test(arguments: [
        "http://push.example.com/a", "ftp://push.example.com/a", "https:///a", "https://user@push.example.com/a",
        "https://push.example.com\\@127.0.0.1/", "https://push.example.com/\u{E9}", "https://push.example.com/a b", "https://[::1]/a",
        "https://push.example.com:0/", "https://push.example.com:99999/", "https://push.example.com:/",
        // Addresses, in every form that a resolver takes for one.
        "https://127.0.0.1/a", "https://10.0.0.1/a", "https://8.8.8.8/a", "https://127.1/a", "https://2130706433/a", "https://0x7f000001/a",
        "https://0x7f.0.0.1/a", "https://0177.0.0.1/a", "https://127.0.0.1./a",
        // Names of this machine and its network.
        "https://localhost/a", "https://LOCALHOST/a", "https://localhost./a", "https://redis/a", "https://a.localhost/a",
        "https://printer.local/a", "https://metadata.google.internal/a", "https://nas.home.arpa/a", "https://.com/a", "https://a..com/a",
        // Another port is another service.
        "https://push.example.com:8443/a", "https://push.example.com:22/a",
    ])
    func `endpoints that lead elsewhere are refused when they are registered`(endpoint: String) {
        let refusal = #expect(throws: ParleyError.self) { try check(endpoint) }
        #expect(refusal?.code == .invalidField)
        #expect(refusal?.detail.hasPrefix("endpoint ") == true)
    }

    @Test func `with private endpoints allowed, this machine may be named, there without TLS`() throws {
        let rule = EndpointRule(allowsPrivate: true)
        for endpoint in ["http://127.0.0.1:9000/a", "http://localhost/a", "https://10.0.0.1:8443/a", "https://redis/a"] {
            try check(endpoint, rule)
        }
        for endpoint in ["http://10.0.0.1/a", "http://push.example.com/a", "gopher://127.0.0.1/"] {
            #expect(throws: ParleyError.self) { try check(endpoint, rule) }
        }
    }

    @Test func `a list of hosts leaves out all others`() throws {
        let rule = EndpointRule(allowedHosts: ["fcm.googleapis.com", "*.push.apple.com"])
        for endpoint in ["https://fcm.googleapis.com/a", "https://web.push.apple.com/a", "https://FCM.googleapis.com/a"] {
            try check(endpoint, rule)
        }
        for endpoint in [
            "https://push.apple.com/a", "https://evilpush.apple.com/a", "https://a.fcm.googleapis.com/a",
            "https://fcm.googleapis.com.evil/",
        ] {
            #expect(throws: ParleyError.self) { try check(endpoint, rule) }
        }
    }

    @Test func `a key that is no point on the curve is refused when it is registered`() {
        let subscription = WebPushSubscription(
            endpoint: "https://push.example.com/a", p256dh: "B" + String(repeating: "A", count: 86), auth: "BTBZMqHH6r4Tts7J_aSIgg")
        let refusal = #expect(throws: ParleyError.self) { try EndpointRule().check(subscription) }
        #expect(refusal?.detail.hasPrefix("p256dh ") == true)
    }

    @Test(arguments: [
        ("https://push.example.com/a", "https://push.example.com"), ("https://push.example.com:443/a", "https://push.example.com"),
        ("https://Push.Example.com:444", "https://push.example.com:444"), ("http://127.0.0.1:8080/push/1", "http://127.0.0.1:8080"),
    ])
    func `an origin is scheme, host and a port that is not the usual one`(url: String, origin: String) {
        #expect(PushEndpoint(url)?.origin == origin)
    }

    @Test(arguments: [
        ("8.8.8.8", true), ("172.15.0.1", true), ("172.32.0.1", true), ("100.63.0.1", true), ("2a00:1450:4001::200e", true),
        ("2606:4700::1111", true), ("64:ff9b::808:808", true), ("::ffff:8.8.8.8", true), ("2002:808:808::1", true),
        ("0.0.0.0", false), ("10.1.2.3", false), ("100.64.0.1", false), ("100.127.255.255", false), ("127.0.0.1", false),
        ("169.254.169.254", false), ("172.16.0.1", false), ("172.31.255.255", false), ("192.0.0.8", false), ("192.0.2.1", false),
        ("192.168.1.1", false), ("198.18.0.1", false), ("198.19.255.255", false), ("198.51.100.1", false), ("203.0.113.1", false),
        ("224.0.0.1", false), ("255.255.255.255", false), ("::", false), ("::1", false), ("fe80::1", false), ("fc00::1", false),
        ("fd12:3456::1", false), ("ff02::1", false), ("2001:db8::1", false), ("2001::1", false), ("3fff::1", false),
        ("::ffff:127.0.0.1", false), ("::ffff:10.0.0.1", false), ("64:ff9b::7f00:1", false), ("64:ff9b::a00:1", false),
        ("2002:7f00:1::1", false), ("fe80::1%eth0", false), ("::127.0.0.1", false), ("64:ff9b:1::1", false),
    ])
    func `addresses are of the public internet, or not`(text: String, isPublic: Bool) throws {
        #expect(try #require(IPAddress(text)).isPublic == isPublic)
    }

    @Test func `names are looked up once for a while, and one private address among them is enough to refuse`() async {
        let clock = Clock()
        let lookUps = Counter()
        let check = HostCheck(time: clock) { host in
            lookUps.add()
            switch host {
            case "good.example": return .success([IPAddress(bytes: [8, 8, 8, 8])])
            case "mixed.example": return .success([IPAddress(bytes: [8, 8, 8, 8]), IPAddress(bytes: [127, 0, 0, 1])])
            default: return .failure(HostCheck.LookUpFailure(reason: "no such name"))
            }
        }
        #expect(await check.verdict(on: "good.example") == .fine)
        #expect(await check.verdict(on: "good.example") == .fine)
        #expect(lookUps.count == 1)
        #expect(await check.verdict(on: "mixed.example") == .isPrivate)
        #expect(await check.verdict(on: "gone.example") == .unknown(reason: "no such name"))
        clock.advance(HostCheck.otherSeconds)
        #expect(await check.verdict(on: "gone.example") == .unknown(reason: "no such name"))
        #expect(lookUps.count == 4)
        clock.advance(HostCheck.fineSeconds)
        #expect(await check.verdict(on: "good.example") == .fine)
        #expect(lookUps.count == 5)
    }

    @Test func `names that nobody answers for hold no more than some threads, and known names go on`() async throws {
        let clock = Clock()
        let (started, released) = (Counter(), DispatchSemaphore(value: 0))
        let check = HostCheck(time: clock) { host in
            if host.hasPrefix("slow") {
                started.add()
                released.wait()
            }
            return .success([IPAddress(bytes: [8, 8, 8, 8])])
        }
        #expect(await check.verdict(on: "good.example") == .fine)
        clock.advance(HostCheck.fineSeconds)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<HostCheck.maxLookUps { group.addTask { _ = await check.verdict(on: "slow\(number).example") } }
            while started.count < HostCheck.maxLookUps { try? await Task.sleep(for: .milliseconds(2)) }
            #expect(await check.verdict(on: "good.example") == .fine)
            #expect(await check.verdict(on: "other.example") == .unknown(reason: "too many names are being looked up"))
            for _ in 0..<HostCheck.maxLookUps { released.signal() }
        }
        #expect(await check.verdict(on: "other.example") == .fine)
    }

    @Test func `the system's own look-up finds this machine`() throws {
        let addresses = try HostCheck.systemLookUp("localhost").get()
        #expect(!addresses.isEmpty && addresses.allSatisfy { $0.isLoopback && !$0.isPublic })
        #expect(throws: HostCheck.LookUpFailure.self) { try HostCheck.systemLookUp("nowhere.invalid").get() }
    }
}
