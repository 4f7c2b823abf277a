import CRabbitMQ

/// A value of a message's headers or of a queue's arguments; of AMQP's many kinds those that we write or read.
enum AMQPValue: Equatable, Sendable {
    case integer(Int64)
    case text(String)
}

extension RabbitMQQueue.Argument {
    var value: AMQPValue {
        switch self {
        case .number(let number): .integer(number)
        case .text(let text): .text(text)
        }
    }
}

/// Lends `body` the entries as librabbitmq's table, which holds pointers into memory that ends with the call.
func withAMQPTable<Value>(_ entries: [(name: String, value: AMQPValue)], _ body: (amqp_table_t) -> Value) -> Value {
    var texts: [amqp_bytes_t] = []
    func kept(_ text: String) -> amqp_bytes_t {
        let bytes = copy(of: text)
        texts.append(bytes)
        return bytes
    }
    var list = entries.map { entry in
        var field = amqp_field_value_t()
        switch entry.value {
        case .integer(let number):
            field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            field.value.i64 = number
        case .text(let text):
            field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            field.value.bytes = kept(text)
        }
        return amqp_table_entry_t(key: kept(entry.name), value: field)
    }
    defer { for text in texts { amqp_bytes_free(text) } }
    return list.withUnsafeMutableBufferPointer { list in
        body(amqp_table_t(num_entries: Int32(list.count), entries: list.baseAddress))
    }
}

/// A copy that `amqp_bytes_free` lets go of.
private func copy(of text: String) -> amqp_bytes_t {
    withAMQPBytes(text) { amqp_bytes_malloc_dup($0) }
}

/// Lends `body` the text's bytes as librabbitmq names them.
func withAMQPBytes<Value>(_ text: String, _ body: (amqp_bytes_t) -> Value) -> Value {
    var text = text
    return text.withUTF8 { utf8 in
        body(amqp_bytes_t(len: utf8.count, bytes: UnsafeMutableRawPointer(mutating: utf8.baseAddress)))
    }
}

extension amqp_bytes_t {
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }
    var text: String { String(decoding: buffer, as: UTF8.self) }
}

extension amqp_table_t {
    /// The entries of kinds that we know; others, such as the broker's own record of a message's deaths, are left out.
    var values: [String: AMQPValue] {
        var values: [String: AMQPValue] = [:]
        for place in 0..<Int(num_entries) {
            let entry = entries[place]
            if let value = entry.value.known { values[entry.key.text] = value }
        }
        return values
    }
}

extension amqp_field_value_t {
    fileprivate var known: AMQPValue? {
        switch amqp_field_value_kind_t(UInt32(kind)) {
        case AMQP_FIELD_KIND_I8: .integer(Int64(value.i8))
        case AMQP_FIELD_KIND_U8: .integer(Int64(value.u8))
        case AMQP_FIELD_KIND_I16: .integer(Int64(value.i16))
        case AMQP_FIELD_KIND_U16: .integer(Int64(value.u16))
        case AMQP_FIELD_KIND_I32: .integer(Int64(value.i32))
        case AMQP_FIELD_KIND_U32: .integer(Int64(value.u32))
        case AMQP_FIELD_KIND_I64: .integer(value.i64)
        case AMQP_FIELD_KIND_UTF8, AMQP_FIELD_KIND_BYTES: .text(value.bytes.text)
        default: nil
        }
    }
}
