import Testing

@testable import ParleyGateway

struct OriginRuleTests {
    @Test(
        arguments: [
            (nil, "chat.example", [], true), ("https://chat.example", "chat.example", [], true),
            ("http://chat.example:8080", "chat.example:8080", [], true), ("HTTPS://Chat.Example", "chat.example", [], true),
            ("https://chat.example", "chat.example:8080", [], false), ("https://evil.example", "chat.example", [], false),
            ("https://chat.example.evil", "chat.example", [], false), ("null", "chat.example", [], false),
            ("https://app.example", "chat.example", ["https://app.example"], true),
            ("https://App.example", "chat.example", ["https://app.EXAMPLE"], true),
            ("http://app.example", "chat.example", ["https://app.example"], false), ("https://evil.example", "chat.example", ["*"], true),
            ("https://chat.example", nil, [], false),
        ] as [(String?, String?, [String], Bool)])
    func `programs, the server's own pages and those on the list may open sockets`(
        origin: String?, host: String?, allowed: [String], isAllowed: Bool
    ) {
        #expect(OriginRule(allowed: allowed).allows(origin: origin, host: host) == isAllowed)
    }
}
