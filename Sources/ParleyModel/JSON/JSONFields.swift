/// A member that is missing or not what it should be; ``detail`` is a sentence for the one who sent it.
public enum FieldError: Error, Equatable {
    case missing(String)
    case wrongType(String, expected: String, found: String)
    case invalid(String, reason: String)

    public var detail: String {
        switch self {
        case .missing(let field): "\(field) is required"
        case .wrongType(let field, let expected, let found): "\(field) must be \(expected), but is \(found)"
        case .invalid(let field, let reason): "\(field) \(reason)"
        }
    }
}

/// Typed access to the members of a body. A member that is absent or null is absent; unknown members are ignored.
extension JSONObject {
    public func member(_ name: String) -> JSONValue? {
        switch self[name] {
        case nil, .null: nil
        case let value: value
        }
    }

    public func string(_ name: String) throws(FieldError) -> String? {
        switch member(name) {
        case nil: return nil
        case .string(let value): return value
        case .some(let value): throw .wrongType(name, expected: "a string", found: value.kind)
        }
    }

    public func requiredString(_ name: String) throws(FieldError) -> String {
        guard let value = try string(name) else { throw .missing(name) }
        return value
    }

    public func integer(_ name: String) throws(FieldError) -> Int64? {
        switch member(name) {
        case nil: return nil
        case .integer(let value): return value
        case .some(let value): throw .wrongType(name, expected: "a whole number", found: value.kind)
        }
    }

    public func boolean(_ name: String) throws(FieldError) -> Bool? {
        switch member(name) {
        case nil: return nil
        case .bool(let value): return value
        case .some(let value): throw .wrongType(name, expected: "a boolean", found: value.kind)
        }
    }

    public func object(_ name: String) throws(FieldError) -> JSONObject? {
        switch member(name) {
        case nil: return nil
        case .object(let value): return value
        case .some(let value): throw .wrongType(name, expected: "an object", found: value.kind)
        }
    }

    public func id<Kind>(_ name: String, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws(FieldError) -> Identifier<Kind>? {
        guard let text = try string(name) else { return nil }
        guard let id = Identifier<Kind>(text) else { throw .invalid(name, reason: "must be a UUID") }
        return id
    }

    public func timestamp(_ name: String) throws(FieldError) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        guard let time = Timestamp(text) else { throw .invalid(name, reason: "must be an RFC 3339 time such as 2026-01-31T09:30:00Z") }
        return time
    }

    /// An array of UUIDs; absent counts as empty.
    public func ids<Kind>(_ name: String, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws(FieldError) -> [Identifier<Kind>] {
        switch member(name) {
        case nil: return []
        case .array(let elements):
            var ids: [Identifier<Kind>] = []
            ids.reserveCapacity(elements.count)
            for (place, element) in elements.enumerated() {
                guard case .string(let text) = element else {
                    throw .wrongType("\(name)[\(place)]", expected: "a string", found: element.kind)
                }
                guard let id = Identifier<Kind>(text) else { throw .invalid("\(name)[\(place)]", reason: "must be a UUID") }
                ids.append(id)
            }
            return ids
        case .some(let value): throw .wrongType(name, expected: "an array", found: value.kind)
        }
    }
}
