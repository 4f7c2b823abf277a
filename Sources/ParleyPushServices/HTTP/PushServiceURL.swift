import Foundation

/// The address of a push service, to which paths are appended.
enum PushServiceURL {
    /// Without a slash at its end. Only https: keys and device tokens go there.
    static func checked(_ text: String) throws(PushKeyError) -> String {
        let text = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let url = URL(string: text), url.scheme == "https", let host = url.host(), !host.isEmpty, url.query() == nil,
            url.fragment() == nil, url.user() == nil
        else { throw PushKeyError("its URL must be https:// with a host and nothing but a port and a path after it") }
        return text
    }
}
