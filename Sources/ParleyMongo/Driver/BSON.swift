import CMongoC
import Foundation
import ParleyModel

/// One BSON document that is being written, or was read whole. A plain cover over libbson's `bson_t`, used by one thread.
final class BSON {
    let pointer: OpaquePointer

    init() { pointer = bson_new() }

    convenience init(_ write: (BSON) -> Void) {
        self.init()
        write(self)
    }

    /// A copy, for a document that lives only until the next call of the driver.
    init(copying document: OpaquePointer) { pointer = bson_copy(document) }

    /// Takes over a document that the driver made for its caller.
    init(owning document: OpaquePointer) { pointer = document }

    deinit { bson_destroy(pointer) }

    /// The document as it goes over the wire.
    var bytes: [UInt8] {
        bson_get_data(pointer).map { Array(UnsafeBufferPointer(start: $0, count: Int(parley_bson_length(pointer)))) } ?? []
    }

    // MARK: Writing. A name stands once in a document: the caller sees to that.

    func set(_ name: String, _ text: String) {
        var text = text
        text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // The length is given, so that a text may hold any byte. libbson wants a pointer also for nothing.
                if let start = characters.baseAddress {
                    _ = bson_append_utf8(pointer, name, -1, start, Int32(characters.count))
                } else {
                    _ = bson_append_utf8(pointer, name, -1, "", 0)
                }
            }
        }
    }

    func set(_ name: String, _ number: Int64) { _ = bson_append_int64(pointer, name, -1, number) }

    func set(_ name: String, int32 number: Int32) { _ = bson_append_int32(pointer, name, -1, number) }

    func set(_ name: String, _ flag: Bool) { _ = bson_append_bool(pointer, name, -1, flag) }

    func set(_ name: String, _ time: Timestamp) { _ = bson_append_date_time(pointer, name, -1, time.milliseconds) }

    func setNull(_ name: String) { _ = bson_append_null(pointer, name, -1) }

    func set(_ name: String, _ id: MessageID) {
        var oid = bson_oid_t()
        bson_oid_init_from_data(&oid, id.bytes)
        _ = bson_append_oid(pointer, name, -1, &oid)
    }

    /// A UUID as binary of subtype 4: its 16 bytes in network order.
    func set<Kind>(_ name: String, _ id: Identifier<Kind>) {
        _ = bson_append_binary(pointer, name, -1, BSON_SUBTYPE_UUID, id.bytes, 16)
    }

    func set(_ name: String, _ document: BSON) { _ = bson_append_document(pointer, name, -1, document.pointer) }

    func set(_ name: String, _ write: (BSON) -> Void) { set(name, BSON(write)) }

    /// An array; `write` is called for each element with the name that it must have, "0", "1", ….
    func setArray<Element>(_ name: String, of elements: [Element], _ write: (BSON, String, Element) -> Void) {
        let array = BSON()
        for (place, element) in elements.enumerated() { write(array, String(place), element) }
        _ = bson_append_array(pointer, name, -1, array.pointer)
    }

    func setArray<Kind>(_ name: String, _ ids: [Identifier<Kind>]) {
        setArray(name, of: ids) { $0.set($1, $2) }
    }
}

// MARK: - Reading

/// A field of a document was not there, or not of the type that Parley writes.
struct DamagedDocument: Error {
    let field: String
}

extension BSON {
    /// What `read` makes of the field; nil when there is none of that type.
    private func field<Value>(_ name: String, _ type: bson_type_t, _ read: (_ place: OpaquePointer) -> Value?) -> Value? {
        guard let place = parley_bson_find(pointer, name) else { return nil }
        defer { free(UnsafeMutableRawPointer(place)) }
        return bson_iter_type(place) == type ? read(place) : nil
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(DamagedDocument) -> Value {
        guard let value else { throw DamagedDocument(field: name) }
        return value
    }

    func optionalText(_ name: String) -> String? {
        field(name, BSON_TYPE_UTF8) { place in
            var length: UInt32 = 0
            guard let start = bson_iter_utf8(place, &length) else { return nil }
            return String(decoding: UnsafeRawBufferPointer(start: start, count: Int(length)), as: UTF8.self)
        }
    }

    func text(_ name: String) throws(DamagedDocument) -> String { try required(name, optionalText(name)) }

    /// A whole number, whatever its width; nil when there is none.
    func optionalNumber(_ name: String) -> Int64? {
        field(name, BSON_TYPE_INT64) { bson_iter_int64($0) } ?? field(name, BSON_TYPE_INT32) { Int64(bson_iter_int32($0)) }
    }

    func number(_ name: String) throws(DamagedDocument) -> Int64 { try required(name, optionalNumber(name)) }

    func time(_ name: String) throws(DamagedDocument) -> Timestamp {
        try required(name, field(name, BSON_TYPE_DATE_TIME) { Timestamp(milliseconds: bson_iter_date_time($0)) })
    }

    func messageID(_ name: String) throws(DamagedDocument) -> MessageID {
        try required(
            name,
            field(name, BSON_TYPE_OID) { place in
                bson_iter_oid(place).flatMap { oid in withUnsafeBytes(of: oid.pointee) { MessageID(bytes: $0) } }
            })
    }

    func id<Kind>(_ name: String) throws(DamagedDocument) -> Identifier<Kind> {
        try required(name, field(name, BSON_TYPE_BINARY, Self.id))
    }

    func ids<Kind>(_ name: String) throws(DamagedDocument) -> [Identifier<Kind>] {
        let ids: [Identifier<Kind>?]? = field(name, BSON_TYPE_ARRAY) { array in
            Self.elements(of: array) { bson_iter_type($0) == BSON_TYPE_BINARY ? Self.id($0) : nil }
        }
        return try required(name, ids).map { id throws(DamagedDocument) in try required(name, id) }
    }

    private static func id<Kind>(_ place: OpaquePointer) -> Identifier<Kind>? {
        var subtype = BSON_SUBTYPE_BINARY
        var length: UInt32 = 0
        var start: UnsafePointer<UInt8>?
        bson_iter_binary(place, &subtype, &length, &start)
        guard subtype == BSON_SUBTYPE_UUID else { return nil }
        return Identifier(bytes: UnsafeBufferPointer(start: start, count: Int(length)))
    }

    func optionalFlag(_ name: String) -> Bool? { field(name, BSON_TYPE_BOOL) { bson_iter_bool($0) } }

    /// An array as the document that it is, with places as names; nil when there is none.
    func array(_ name: String) -> BSON? {
        field(name, BSON_TYPE_ARRAY) { place in
            var length: UInt32 = 0
            var start: UnsafePointer<UInt8>?
            bson_iter_array(place, &length, &start)
            guard let start else { return nil }
            return bson_new_from_data(start, Int(length)).map(BSON.init(owning:))
        }
    }

    /// The document there; nil when there is none.
    func document(_ name: String) -> BSON? { field(name, BSON_TYPE_DOCUMENT, Self.document) }

    /// The documents of an array; none when there is no such field.
    func documents(_ name: String) -> [BSON] {
        field(name, BSON_TYPE_ARRAY) { array in
            Self.elements(of: array) { bson_iter_type($0) == BSON_TYPE_DOCUMENT ? Self.document($0) : nil }
        }?.compactMap(\.self) ?? []
    }

    private static func document(_ place: OpaquePointer) -> BSON? {
        var length: UInt32 = 0
        var start: UnsafePointer<UInt8>?
        bson_iter_document(place, &length, &start)
        guard let start else { return nil }
        return bson_new_from_data(start, Int(length)).map(BSON.init(owning:))
    }

    private static func elements<Value>(of array: OpaquePointer, _ read: (OpaquePointer) -> Value) -> [Value] {
        guard let place = parley_bson_elements(array) else { return [] }
        defer { free(UnsafeMutableRawPointer(place)) }
        var values: [Value] = []
        while bson_iter_next(place) { values.append(read(place)) }
        return values
    }
}
