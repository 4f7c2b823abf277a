/// A command and its parameters, each with its length, so that any bytes can be a parameter.
/// (https://redis.io/docs/latest/develop/reference/protocol-spec/#sending-commands-to-a-redis-server)
struct RedisCommand: Sendable {
    /// All parameters one after the other, the command's name first.
    private(set) var bytes: [UInt8] = []
    private(set) var lengths: [Int] = []

    init(_ words: [String]) {
        for word in words { add(word) }
    }

    init(_ words: String...) { self.init(words) }

    mutating func add(_ word: String) {
        let start = bytes.count
        bytes.append(contentsOf: word.utf8)
        lengths.append(bytes.count - start)
    }

    mutating func add(_ parameter: [UInt8]) {
        bytes.append(contentsOf: parameter)
        lengths.append(parameter.count)
    }

    mutating func add(_ number: Int64) { add(String(number)) }
}
