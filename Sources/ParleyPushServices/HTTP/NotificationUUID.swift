import Crypto
import ParleyModel
import ParleyPush

extension PushNotification {
    /// Names what is told to which device: a repeat has the same name. (A UUID of version 8, RFC 9562, made by hashing.)
    func uuid(of device: Device) -> String {
        var hash = SHA256()
        switch content {
        case .message(let message): hash.update(data: message.messageID.bytes)
        case .read(let read):
            hash.update(data: read.conversationID.bytes)
            withUnsafeBytes(of: read.lastReadSequence.bigEndian) { hash.update(bufferPointer: $0) }
        }
        hash.update(data: device.id.bytes)
        let bytes = Array(hash.finalize().prefix(16))
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        let high = word(bytes[0..<8]) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000
        let low = word(bytes[8..<16]) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return Identifier<DeviceKindOfID>(high: high, low: low).description
    }
}

/// What an alert says when its text is not told to the push service.
public struct GenericAlert: Sendable, Equatable {
    /// A key of the app's own translated texts, with the number of messages as its argument. Without one, a text in English.
    public var localizationKey: String?

    /// It goes into payloads that have a limit.
    public static let maxKeyBytes = 256

    public init(localizationKey: String? = nil) { self.localizationKey = localizationKey }

    /// With a key out of settings. Throws a sentence about what cannot be right.
    public init(checkedKey key: String?) throws(PushKeyError) {
        if let key { try SettingText.check(key, maxBytes: Self.maxKeyBytes) }
        localizationKey = key
    }

    func text(count: Int) -> String { count > 1 ? "\(count) new messages" : "New message" }
}
