public import Hummingbird
import Logging
import NIOCore
import ParleyCore
import ParleyModel

/// What is known of a request while it is answered.
public struct ParleyRequestContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Stands in the answer, in problems and on every log line of the request.
    public internal(set) var requestID = ""
    /// The connection that the request came on.
    let channel: any Channel
    /// Set behind ``IdentityMiddleware``.
    var identity: Caller?

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    var caller: Caller {
        get throws(ParleyError) {
            guard let identity else { throw ParleyError(.missingToken, "a bearer token is required") }
            return identity
        }
    }
}
