import NIOCore
import ParleyModel
import Testing

@testable import ParleyBench

struct ClientFramesTests {
    @Test(arguments: [0, 1, 125, 126, 127, 5000])
    func `a text leaves in one masked frame`(length: Int) throws {
        let text = String(repeating: "x", count: length)
        var buffer = ByteBuffer()
        ClientFrames.write(text: text, into: &buffer)
        #expect(try payload(&buffer) == text)
        #expect(buffer.readableBytes == 0)
    }

    @Test func `each send command has its number and says where it goes`() throws {
        let conversation = ConversationID.random()
        let command = SendCommand(in: conversation, content: "hello")
        var numbers = CountingNumbers(block: 1)
        var buffer = ByteBuffer()
        command.write(number: numbers.take(), into: &buffer)
        command.write(number: numbers.take(), into: &buffer)
        var keys: Set<String> = []
        for _ in 0..<2 {
            guard case .object(let object) = try JSONParser.parse(try payload(&buffer).utf8) else {
                Issue.record("no object")
                return
            }
            #expect(object["type"] == .string("send"))
            #expect(object["conversation_id"] == .string("\(conversation)"))
            if case .string(let key)? = object["client_message_id"] { keys.insert(key) }
        }
        #expect(keys.count == 2)
        #expect(buffer.readableBytes == 0)
    }

    @Test func `subscribing says from where`() throws {
        let conversation = ConversationID.random()
        let text = ClientFrames.subscribe(from: 7, in: conversation, cursor: "c", id: 2)
        guard case .object(let object) = try JSONParser.parse(text.utf8), case .object(let positions)? = object["positions"] else {
            Issue.record("no object")
            return
        }
        #expect(positions["\(conversation)"] == .integer(7))
        #expect(object["cursor"] == .string("c"))
    }

    /// Reads one frame whose mask is all zeros.
    private func payload(_ buffer: inout ByteBuffer) throws -> String {
        let first = buffer.readInteger(as: UInt8.self)
        let second = try read(buffer.readInteger(as: UInt8.self))
        let length = second & 0x7F == 126 ? Int(try read(buffer.readInteger(as: UInt16.self))) : Int(second & 0x7F)
        let mask = buffer.readInteger(as: UInt32.self)
        #expect(first == 0x81 && second & 0x80 != 0 && mask == 0)
        return try read(buffer.readString(length: length))
    }

    private func read<Value>(_ value: Value?) throws -> Value { try #require(value) }
}
