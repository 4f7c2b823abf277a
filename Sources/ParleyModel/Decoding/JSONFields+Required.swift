/// Members that must be there. Null counts as absent.
extension JSONObject {
    public func requiredInteger(_ name: String) throws(FieldError) -> Int64 {
        guard let value = try integer(name) else { throw .missing(name) }
        return value
    }

    public func requiredBoolean(_ name: String) throws(FieldError) -> Bool {
        guard let value = try boolean(name) else { throw .missing(name) }
        return value
    }

    public func requiredObject(_ name: String) throws(FieldError) -> JSONObject {
        guard let value = try object(name) else { throw .missing(name) }
        return value
    }

    public func requiredTimestamp(_ name: String) throws(FieldError) -> Timestamp {
        guard let value = try timestamp(name) else { throw .missing(name) }
        return value
    }

    public func requiredID<Kind>(
        _ name: String, as: Identifier<Kind>.Type = Identifier<Kind>.self
    ) throws(FieldError) -> Identifier<Kind> {
        guard let value: Identifier<Kind> = try id(name) else { throw .missing(name) }
        return value
    }

    public func messageID(_ name: String) throws(FieldError) -> MessageID? {
        guard let text = try string(name) else { return nil }
        guard let id = MessageID(text) else { throw .invalid(name, reason: "must be 24 hex digits") }
        return id
    }

    /// A string that is one of the words of `Word`.
    public func word<Word: RawRepresentable<String>>(_ name: String, as: Word.Type = Word.self) throws(FieldError) -> Word? {
        guard let text = try string(name) else { return nil }
        guard let word = Word(rawValue: text) else { throw .invalid(name, reason: "has a value that is not known: \(text.prefix(64))") }
        return word
    }

    public func requiredWord<Word: RawRepresentable<String>>(
        _ name: String, as: Word.Type = Word.self
    ) throws(FieldError) -> Word {
        guard let word: Word = try word(name) else { throw .missing(name) }
        return word
    }

    /// An array of objects, each read by `read`; absent counts as empty.
    public func objects<Value>(
        _ name: String, _ read: (JSONObject) throws(FieldError) -> Value
    ) throws(FieldError) -> [Value] {
        switch member(name) {
        case nil: return []
        case .array(let elements):
            var values: [Value] = []
            values.reserveCapacity(elements.count)
            for (place, element) in elements.enumerated() {
                guard case .object(let object) = element else {
                    throw .wrongType("\(name)[\(place)]", expected: "an object", found: element.kind)
                }
                values.append(try read(object))
            }
            return values
        case .some(let value): throw .wrongType(name, expected: "an array", found: value.kind)
        }
    }
}
