import ParleyModel
import Testing

@testable import ParleyGateway

struct CloseCodeTests {
    @Test(arguments: [
        (ErrorCode.invalidToken, CloseCode.invalidToken), (.missingToken, .invalidToken), (.tokenExpired, .tokenExpired),
        (.tokenRevoked, .tokenRevoked), (.rateLimited, .tooManySockets), (.overloaded, .overloaded),
        (.storageUnavailable, .overloaded), (.shuttingDown, .overloaded), (.internalError, .overloaded),
    ])
    func `trouble of the server's own never tells a client to stay away`(error: ErrorCode, code: CloseCode) {
        #expect(CloseCode(refusing: ParleyError(error, "")) == code)
    }
}
