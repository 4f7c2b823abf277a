import Crypto
import Foundation
import ParleyModel
import ParleyPush

/// The `Topic` of a notification (RFC 8030, section 5.4): a later one of the same topic takes the place of an earlier one that
/// the browser has not fetched yet.
///
/// A repeat of one message replaces itself; alerts that stand for several messages replace each other by conversation; so do
/// the updates of what was read. Push services see topics in plain, so ids are hidden behind a hash that is keyed with the
/// subscription's secret: nobody can tell from them who talks to whom.
enum WebPushTopic {
    /// 32 characters of base64url, as many as a topic may have.
    private static let length = 24

    static func text(_ content: PushContent, authSecret: [UInt8]) -> String {
        let name =
            switch content {
            case .message(let message):
                message.count > 1 ? "conversation \(message.conversationID)" : "message \(message.messageID)"
            case .read(let read): "read \(read.conversationID)"
            }
        let hash = HMAC<SHA256>.authenticationCode(for: Data(name.utf8), using: SymmetricKey(data: authSecret))
        return Base64URL.encode(Array(hash.prefix(length)))
    }
}
