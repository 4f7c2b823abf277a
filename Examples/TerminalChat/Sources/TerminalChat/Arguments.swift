import ParleyModel

struct Arguments {
    static let usage = "usage: TerminalChat --url http://localhost:8080 --token TOKEN [--conversation UUID]"

    var url = ""
    var token = ""
    var conversation: ConversationID?

    /// Nil when something is missing or unknown.
    init?(_ words: some Sequence<String>) {
        var words = words.makeIterator()
        while let name = words.next() {
            guard let value = words.next() else { return nil }
            switch name {
            case "--url": url = value
            case "--token": token = value
            case "--conversation":
                guard let id = ConversationID(value) else { return nil }
                conversation = id
            default: return nil
            }
        }
        if url.isEmpty || token.isEmpty { return nil }
    }
}
