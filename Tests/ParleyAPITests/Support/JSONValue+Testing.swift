public import ParleyModel

// Bodies are written as literals: ["message_type": "text", "content": "Hello"].

extension JSONValue: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}

extension JSONValue: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension JSONValue: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONValue: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(JSONObject(members: elements.map { (name: $0.0, value: $0.1) }))
    }
}

extension JSONValue {
    subscript(name: String) -> JSONValue? {
        if case .object(let object) = self { object[name] } else { nil }
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var whole: Int64? { if case .integer(let number) = self { number } else { nil } }
    var items: [JSONValue] { if case .array(let items) = self { items } else { [] } }
    var names: [String] { if case .object(let object) = self { object.members.map(\.name) } else { [] } }

    /// An array of ids.
    static func ids<Kind>(_ ids: [Identifier<Kind>]) -> JSONValue { .array(ids.map { .string($0.description) }) }

    static func id<Kind>(_ id: Identifier<Kind>) -> JSONValue { .string(id.description) }

    /// The same object with one member set to another value, or taken away for nil.
    func with(_ name: String, _ value: JSONValue?) -> JSONValue {
        guard case .object(let object) = self else { return self }
        let others = object.members.filter { $0.name != name }
        return .object(JSONObject(members: others + (value.map { [(name: name, value: $0)] } ?? [])))
    }

    var bytes: [UInt8] {
        var json = JSONWriter()
        write(to: &json)
        return json.bytes
    }

    private func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let value): json.bool(value)
        case .integer(let value): json.integer(value)
        case .number(let value): json.number(value)
        case .string(let value): json.string(value)
        case .array(let values): json.array(values) { $1.write(to: &$0) }
        case .object(let object):
            json.object { json in
                for (name, value) in object.members {
                    json.name(name)
                    value.write(to: &json)
                }
            }
        }
    }
}
