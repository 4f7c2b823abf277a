import ParleyModel

/// Why the server closes a socket (RFC 6455, section 7.4). 4000-4499: come back; 4500-4999: do not.
enum CloseCode: UInt16, CaseIterable {
    case protocolError = 1002
    case unsupportedData = 1003
    case invalidUTF8 = 1007
    case tooBig = 1009
    case goingAway = 4000
    case tooSlow = 4001
    case overloaded = 4002
    case notAuthenticatedInTime = 4003
    case tokenExpired = 4004
    case silent = 4005
    case tooManyCommands = 4006
    case tooManySockets = 4007
    case invalidToken = 4500
    case tokenRevoked = 4501
    case commandError = 4502

    /// The sentence in the close frame.
    var reason: String {
        switch self {
        case .protocolError: "the frames break RFC 6455"
        case .unsupportedData: "only text frames are understood"
        case .invalidUTF8: "the text is not valid UTF-8"
        case .tooBig: "the message is too big"
        case .goingAway: "the server is going away; come back"
        case .tooSlow: "not even position hints were read fast enough; come back and catch up"
        case .overloaded: "too busy right now; come back"
        case .notAuthenticatedInTime: "no authenticate command came in time"
        case .tokenExpired: "the token has expired; come back with a new one"
        case .silent: "nothing was heard for too long; come back"
        case .tooManyCommands: "too many commands; come back and slow down"
        case .tooManySockets: "this user has too many connections; close one, then come back"
        case .invalidToken: "the token is not valid"
        case .tokenRevoked: "the token was revoked"
        case .commandError: "commands must be JSON objects with an id and a type"
        }
    }
}

extension CloseCode {
    /// How a connection ends that could not be authenticated. Only what is wrong with the token may tell a client not to come
    /// back: trouble of the server's own passes, and must not sign anybody out.
    init(refusing error: ParleyError) {
        switch error.code {
        case .tokenExpired: self = .tokenExpired
        case .tokenRevoked: self = .tokenRevoked
        case .rateLimited: self = .tooManySockets
        default: self = error.code.isRetryable ? .overloaded : .invalidToken
        }
    }
}
