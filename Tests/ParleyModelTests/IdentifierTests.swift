import ParleyModel
import ParleyTesting
import Testing

struct IdentifierTests {
    private let text = "01234567-89ab-4def-8123-456789abcdef"

    @Test func `the text form is read in either case and written in lower case`() throws {
        let id = try #require(UserID(text))
        #expect(id == UserID(high: 0x0123_4567_89AB_4DEF, low: 0x8123_4567_89AB_CDEF))
        #expect(id.description == text)
        #expect(UserID(text.uppercased()) == id)
        #expect(UserID("x\(text)".dropFirst()) == id)
        #expect(id.bytes == [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0x4D, 0xEF, 0x81, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF])
        #expect(UserID(bytes: id.bytes) == id)
    }

    @Test(arguments: [
        "", "0", "01234567-89ab-4def-8123-456789abcde", "01234567-89ab-4def-8123-456789abcdef0", "0123456789ab4def8123456789abcdef",
        "{01234567-89ab-4def-8123-456789abcdef}", "01234567-89ab-4def-8123-456789abcdeg", "01234567_89ab_4def_8123_456789abcdef",
        "0123456-789ab-4def-8123-456789abcdef", " 1234567-89ab-4def-8123-456789abcdef", "01234567-89ab-4def-8123-456789abcde ",
        "urn:uuid:01234567-89ab-4def-8123-456789abcdef", "０1234567-89ab-4def-8123-456789abcdef",
        "------------------------------------",
        "01234567-89ab-4def-8123--56789abcdef", "0123456789ab-4def-8123-456789abcdef1234",
    ])
    func `other texts are refused`(text: String) {
        #expect(UserID(text) == nil)
    }

    @Test(arguments: [0, 1, 15, 17])
    func `bytes are sixteen`(count: Int) {
        #expect(UserID(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }

    @Test func `the order of ids is that of their texts and of their bytes`() async throws {
        try await withSeed { random in
            for _ in 0..<2000 {
                let ids = (0..<2).map { _ in UserID(high: random.oneIn(2) ? 7 : random.next(), low: random.next()) }
                try checkEqual(ids[0] < ids[1], ids[0].description < ids[1].description, "the order of the texts of \(ids)")
                try checkEqual(
                    ids[0] < ids[1], ids[0].bytes.lexicographicallyPrecedes(ids[1].bytes), "the order of the bytes of \(ids)")
                try checkEqual(UserID(ids[0].description), ids[0], "the id read from its text")
                try checkEqual(UserID(bytes: ids[0].bytes), ids[0], "the id read from its bytes")
            }
        }
    }

    @Test func `random ids are version 4 and differ`() {
        let ids = (0..<1000).map { _ in MediaID.random() }
        #expect(Set(ids).count == 1000)
        for id in ids {
            let text = Array(id.description)
            #expect(text[14] == "4" && "89ab".contains(text[19]), "\(id)")
        }
    }
}

struct MessageIDTests {
    @Test func `the text form is 24 hex digits, read in either case`() throws {
        let id = try #require(MessageID("507f1f77bcf86cd799439011"))
        #expect(id == MessageID(high: 0x507F_1F77_BCF8_6CD7, low: 0x9943_9011))
        #expect(id.description == "507f1f77bcf86cd799439011")
        #expect(MessageID("507F1F77BCF86CD799439011") == id)
        #expect(id.bytes == [0x50, 0x7F, 0x1F, 0x77, 0xBC, 0xF8, 0x6C, 0xD7, 0x99, 0x43, 0x90, 0x11])
        #expect(MessageID(bytes: id.bytes) == id)
    }

    @Test(arguments: [
        "", "507f1f77bcf86cd79943901", "507f1f77bcf86cd7994390111", "507f1f77bcf86cd79943901g", "507f1f77-bcf86cd79943901",
        " 07f1f77bcf86cd799439011",
    ])
    func `other texts are refused`(text: String) {
        #expect(MessageID(text) == nil)
    }

    @Test(arguments: [0, 11, 13])
    func `bytes are twelve`(count: Int) {
        #expect(MessageID(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }

    @Test func `random ids come back from text and bytes`() async throws {
        try await withSeed { random in
            for _ in 0..<1000 {
                let id = MessageID(high: random.next(), low: UInt32(truncatingIfNeeded: random.next()))
                try checkEqual(MessageID(id.description), id, "the id read from its text")
                try checkEqual(MessageID(bytes: id.bytes), id, "the id read from its bytes")
            }
        }
    }
}

struct MessageTypeTests {
    @Test(arguments: [
        "text", "image", "video", "audio", "document", "location", "contact", "a", "acme.poll_v2-beta",
        "a" + String(repeating: "9", count: 31),
    ])
    func `known and custom names are types`(name: String) {
        #expect(MessageType(rawValue: name)?.rawValue == name)
    }

    @Test(arguments: [
        "", "Text", "1text", "_text", "-text", ".text", "te xt", "text ", "téxt", "text\n", "text\u{0}", "tex🙂",
        "a" + String(repeating: "a", count: 32),
    ])
    func `other names are not`(name: String) {
        #expect(MessageType(rawValue: name) == nil)
    }

    @Test func `the known types are the named ones`() {
        #expect(MessageType(rawValue: "text") == .text)
        let showing = ["text", "image", "video", "audio", "document", "location", "contact", "custom"].filter {
            MessageType(rawValue: $0)!.showsMedia
        }
        #expect(showing == ["image", "video", "audio", "document"])
    }
}
