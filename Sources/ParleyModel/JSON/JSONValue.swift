/// A JSON value as it was read. Object members keep the order of the text; names are unique.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits, or one with them that is whole (`1.0`, `1e3`).
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The name of the value's kind, for messages: "a string", "an object".
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object.
public struct JSONObject: Sendable, Equatable {
    public private(set) var members: [(name: String, value: JSONValue)]

    public init(members: [(name: String, value: JSONValue)]) {
        self.members = members
    }

    /// The member of that name; nil when there is none. Bodies are small, so that a walk beats a table.
    public subscript(name: String) -> JSONValue? {
        for member in members where member.name == name { return member.value }
        return nil
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.members.elementsEqual(right.members) { $0.name == $1.name && $0.value == $1.value }
    }
}

/// Why a text was not read as JSON. `offset` counts bytes from the start.
public enum JSONSyntaxError: Error, Equatable {
    case invalidUTF8
    case malformed(offset: Int, expected: String)
    case duplicateName(String)
    case tooDeep(limit: Int)
}
