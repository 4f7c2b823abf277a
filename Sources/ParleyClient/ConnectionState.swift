/// Where a client stands with its server.
public enum ConnectionState: Sendable, Equatable {
    /// ``ParleyClient/run()`` has not been called.
    case idle
    case connecting
    /// Connected; what was missed is on its way.
    case catchingUp
    /// Everything missed has come; what happens is told as it happens.
    case live
    /// The connection was lost, or could not be made; the next attempt follows after that time.
    case waiting(milliseconds: Int64, reason: String)
    /// ``ParleyClient/run()`` has ended.
    case stopped
}
