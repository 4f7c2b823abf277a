import ParleyModel

extension FCMStandIn {
    /// An answer in Google's form, with FCM's own code.
    public static func reply(_ status: Int, _ code: String, retryAfter: String? = nil) -> StandInReply {
        FCMRefusal(status, code, retryAfter: retryAfter).reply
    }

    /// An answer of the place that gives out access tokens.
    public static func tokenError(_ error: String, status: Int = 400) -> StandInReply {
        var json = JSONWriter()
        json.object { json in
            json.name("error")
            json.string(error)
            json.name("error_description")
            json.string("said by the stand-in")
        }
        return StandInReply(status: status, fields: [("content-type", "application/json")], body: json.bytes)
    }

    static func token(_ text: String, seconds: Double) -> StandInReply {
        var json = JSONWriter()
        json.object { json in
            json.name("access_token")
            json.string(text)
            json.name("expires_in")
            json.integer(Int64(seconds))
            json.name("token_type")
            json.string("Bearer")
        }
        return StandInReply(status: 200, fields: [("content-type", "application/json")], body: json.bytes)
    }

    static func accepted(_ name: String) -> StandInReply {
        var json = JSONWriter()
        json.object { json in
            json.name("name")
            json.string(name)
        }
        return StandInReply(status: 200, fields: [("content-type", "application/json")], body: json.bytes)
    }
}

/// An answer other than 200.
struct FCMRefusal {
    let status: Int
    let code: String
    /// The member that is wrong, as `google.rpc.BadRequest` names it.
    var field: String?
    var retryAfter: String?

    init(_ status: Int, _ code: String, field: String? = nil, retryAfter: String? = nil) {
        self.status = status
        self.code = code
        self.field = field
        self.retryAfter = retryAfter
    }

    /// Of a token that is none, only this sentence tells.
    private var message: String {
        field == "message.token" ? "The registration token is not a valid FCM registration token" : "said by the stand-in"
    }

    /// The code of Google's APIs beside that of FCM.
    private var generalCode: String {
        switch status {
        case 400: "INVALID_ARGUMENT"
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 429: "RESOURCE_EXHAUSTED"
        case 503: "UNAVAILABLE"
        default: "INTERNAL"
        }
    }

    var reply: StandInReply {
        var json = JSONWriter()
        json.object { json in
            json.name("error")
            json.object { json in
                json.name("code")
                json.integer(status)
                json.name("message")
                json.string(message)
                json.name("status")
                json.string(generalCode)
                json.name("details")
                json.array([code]) { json, code in writeDetail(code, to: &json) }
            }
        }
        var fields = [(name: "content-type", value: "application/json; charset=UTF-8")]
        if let retryAfter { fields.append(("retry-after", retryAfter)) }
        return StandInReply(status: status, fields: fields, body: json.bytes)
    }

    private func writeDetail(_ code: String, to json: inout JSONWriter) {
        json.object { json in
            json.name("@type")
            if let field, field != "message.token" {
                json.string("type.googleapis.com/google.rpc.BadRequest")
                json.name("fieldViolations")
                json.array([field]) { json, field in
                    json.object { json in
                        json.name("field")
                        json.string(field)
                        json.name("description")
                        json.string("said by the stand-in")
                    }
                }
            } else {
                json.string("type.googleapis.com/google.firebase.fcm.v1.FcmError")
                json.name("errorCode")
                json.string(code)
            }
        }
    }
}
