/// Where a client stands with its server.
public enum ConnectionState: Sendable, Equatable {
    /// ``ParleyClient/run()`` has not been called.
    case idle
    case connecting
    /// The server did not take the cursor, so that only messages of conversations known to the client are caught up with:
    /// read a new snapshot, as after ``LocalView/restart()``. Told once it is connected; ``catchingUp`` follows.
    case startingAnew
    /// Connected; what was missed is on its way.
    case catchingUp
    /// Everything missed has come; what happens is told as it happens.
    case live
    /// The connection was lost, or could not be made; the next attempt follows after that time.
    case waiting(milliseconds: Int64, reason: String)
    /// ``ParleyClient/run()`` has ended.
    case stopped
}
