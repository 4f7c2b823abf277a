/// Every refusal's stable name: `code` in problem+json and in error frames. The API takes the status from this table.
public enum ErrorCode: String, Sendable, CaseIterable {
    case malformedJSON = "malformed_json"
    case invalidUTF8 = "invalid_utf8"
    case duplicateKey = "duplicate_key"
    case tooDeeplyNested = "too_deeply_nested"
    case missingField = "missing_field"
    case invalidField = "invalid_field"
    case invalidID = "invalid_id"
    case invalidParameter = "invalid_parameter"
    case invalidCursor = "invalid_cursor"
    case missingToken = "missing_token"
    case invalidToken = "invalid_token"
    case tokenExpired = "token_expired"
    case tokenRevoked = "token_revoked"
    case originNotAllowed = "origin_not_allowed"
    case notAParticipant = "not_a_participant"
    case roleForbids = "role_forbids"
    case senderMismatch = "sender_mismatch"
    case serviceTokenRequired = "service_token_required"
    case routeNotFound = "route_not_found"
    case conversationNotFound = "conversation_not_found"
    case participantNotFound = "participant_not_found"
    case mediaNotFound = "media_not_found"
    case deviceNotFound = "device_not_found"
    case demoDisabled = "demo_disabled"
    case webPushDisabled = "web_push_disabled"
    case methodNotAllowed = "method_not_allowed"
    case directConversationFixed = "direct_conversation_fixed"
    case lastOwner = "last_owner"
    case tooManyParticipants = "too_many_participants"
    case tooManyDevices = "too_many_devices"
    case alreadySubscribed = "already_subscribed"
    case tooManySubscriptions = "too_many_subscriptions"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case clientMessageIDReused = "client_message_id_reused"
    case unknownMedia = "unknown_media"
    case socketsDisabled = "sockets_disabled"
    case upgradeRequired = "upgrade_required"
    case rateLimited = "rate_limited"
    case unknownCommand = "unknown_command"
    case internalError = "internal_error"
    case overloaded
    case storageUnavailable = "storage_unavailable"
    case shuttingDown = "shutting_down"

    /// The HTTP status (RFC 9110).
    public var status: Int {
        switch self {
        case .malformedJSON, .invalidUTF8, .duplicateKey, .tooDeeplyNested, .missingField, .invalidField, .invalidID,
            .invalidParameter, .invalidCursor, .unknownCommand:
            400
        case .missingToken, .invalidToken, .tokenExpired, .tokenRevoked: 401
        case .notAParticipant, .roleForbids, .senderMismatch, .serviceTokenRequired, .originNotAllowed: 403
        case .routeNotFound, .conversationNotFound, .participantNotFound, .mediaNotFound, .deviceNotFound, .demoDisabled,
            .webPushDisabled:
            404
        case .methodNotAllowed: 405
        case .directConversationFixed, .lastOwner, .tooManyParticipants, .tooManyDevices, .alreadySubscribed, .tooManySubscriptions: 409
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .socketsDisabled: 421
        case .clientMessageIDReused, .unknownMedia: 422
        case .upgradeRequired: 426
        case .rateLimited: 429
        case .internalError: 500
        case .overloaded, .storageUnavailable, .shuttingDown: 503
        }
    }

    /// Whether the same request can succeed later, unchanged.
    public var isRetryable: Bool {
        switch self {
        case .rateLimited, .internalError, .overloaded, .storageUnavailable, .shuttingDown: true
        default: false
        }
    }

    /// The short, constant sentence of RFC 9457's `title`.
    public var title: String {
        switch self {
        case .malformedJSON: "The text is not valid JSON"
        case .invalidUTF8: "The text is not valid UTF-8"
        case .duplicateKey: "A name stands twice in a JSON object"
        case .tooDeeplyNested: "The JSON is nested too deeply"
        case .missingField: "A required field is missing"
        case .invalidField: "A field has a wrong value"
        case .invalidID: "An id in the path is not valid"
        case .invalidParameter: "A query parameter has a wrong value"
        case .invalidCursor: "The cursor is not valid"
        case .missingToken: "A bearer token is required"
        case .invalidToken: "The token is not valid"
        case .tokenExpired: "The token has expired"
        case .tokenRevoked: "The token was revoked"
        case .originNotAllowed: "The page's origin is not allowed"
        case .notAParticipant: "Not a participant"
        case .roleForbids: "The role does not allow this"
        case .senderMismatch: "The sender is someone else"
        case .serviceTokenRequired: "A service token is required"
        case .routeNotFound: "No such route"
        case .conversationNotFound: "No such conversation"
        case .participantNotFound: "No such participant"
        case .mediaNotFound: "No such media"
        case .deviceNotFound: "No such device"
        case .demoDisabled: "The demo is off"
        case .webPushDisabled: "Web Push is off"
        case .methodNotAllowed: "The route does not know this method"
        case .directConversationFixed: "A direct conversation cannot be changed"
        case .lastOwner: "The last owner must stay"
        case .tooManyParticipants: "The conversation is full"
        case .tooManyDevices: "Too many devices"
        case .alreadySubscribed: "The connection is subscribed already"
        case .tooManySubscriptions: "Too many conversations for one connection"
        case .bodyTooLarge: "The body is too large"
        case .unsupportedMediaType: "The body's content type is not JSON"
        case .clientMessageIDReused: "The client_message_id was used for another message"
        case .unknownMedia: "Unknown media"
        case .socketsDisabled: "This node takes no sockets"
        case .upgradeRequired: "This route speaks WebSocket"
        case .rateLimited: "Too many requests"
        case .unknownCommand: "Unknown command"
        case .internalError: "Something went wrong here"
        case .overloaded: "Too busy right now"
        case .storageUnavailable: "The store cannot be written or read right now"
        case .shuttingDown: "The server is shutting down"
        }
    }
}

/// A refusal: what the caller is told. Nothing was changed by the request that got it, unless the code is
/// `internal_error` or `storage_unavailable`, where the outcome may be unknown.
public struct ParleyError: Error, Equatable {
    public let code: ErrorCode
    /// A sentence for the developer at the other end; never holds secrets or message text.
    public let detail: String
    /// When trying again makes sense, in seconds.
    public let retryAfterSeconds: Double?
    /// What lies behind a failure of the server's own, for the log only: the caller is never told.
    public let cause: String?

    public init(_ code: ErrorCode, _ detail: String, retryAfterSeconds: Double? = nil, cause: String? = nil) {
        self.code = code
        self.detail = detail
        self.retryAfterSeconds = retryAfterSeconds ?? (code.status == 503 ? 1 : nil)
        self.cause = cause
    }

    public static let notAParticipant = ParleyError(.notAParticipant, "user does not have access to this conversation")
}

extension ParleyError {
    public init(_ error: FieldError) {
        if case .missing = error {
            self.init(.missingField, error.detail)
        } else {
            self.init(.invalidField, error.detail)
        }
    }

    public init(_ error: JSONSyntaxError) {
        switch error {
        case .invalidUTF8: self.init(.invalidUTF8, "the text is not valid UTF-8")
        case .malformed(let offset, let expected): self.init(.malformedJSON, "expected \(expected) at byte \(offset)")
        case .duplicateName(let name): self.init(.duplicateKey, "the name \"\(name.prefix(64))\" stands twice in one object")
        case .tooDeep(let limit): self.init(.tooDeeplyNested, "arrays and objects may be nested \(limit) deep")
        }
    }
}
