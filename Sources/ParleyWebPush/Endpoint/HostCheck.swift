import Foundation
import ParleyCore
import ParleyModel
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks up what a host's name stands for before anything connects to it.
///
/// The connection looks it up again, and may be told something else; so ``PushConnections`` looks at the address that it got.
/// This check is what keeps the server from knocking at doors of its own network at all.
final class HostCheck: Sendable {
    enum Verdict: Sendable, Equatable {
        case fine
        /// It stands for an address, perhaps among others, that is not of the public internet.
        case isPrivate
        case unknown(reason: String)
    }

    /// Addresses of a name, or why there are none. Blocks.
    typealias LookUp = @Sendable (_ host: String) -> Result<[IPAddress], LookUpFailure>

    struct LookUpFailure: Error, Equatable {
        let reason: String
    }

    /// For how long a verdict holds.
    static let fineSeconds = 300.0
    static let otherSeconds = 10.0
    static let maxKept = 1024
    /// Look-ups under way at once, each on a thread.
    static let maxLookUps = 16

    private struct State {
        var verdicts: [String: (verdict: Verdict, until: Timestamp)] = [:]
        var lookUps = 0
    }

    private let time: any TimeSource
    private let lookUp: LookUp
    private let state = Mutex(State())

    init(time: any TimeSource, lookUp: @escaping LookUp = systemLookUp) {
        self.time = time
        self.lookUp = lookUp
    }

    func verdict(on host: String) async -> Verdict {
        let now = time.now()
        let (kept, mayLookUp) = state.withLock { state -> (Verdict?, Bool) in
            let kept = state.verdicts[host]
            if let kept, now < kept.until { return (kept.verdict, false) }
            // Slow names, which anybody can make up, must not stop what goes to the others: the connection is looked at too.
            guard state.lookUps < Self.maxLookUps else { return (kept?.verdict == .fine ? .fine : nil, false) }
            state.lookUps += 1
            return (nil, true)
        }
        if let kept { return kept }
        guard mayLookUp else { return .unknown(reason: "too many names are being looked up") }
        let verdict = Self.verdict(await lookedUp(host))
        state.withLock { state in
            state.lookUps -= 1
            if state.verdicts.count >= Self.maxKept { state.verdicts.removeAll() }
            state.verdicts[host] = (verdict, now.advanced(bySeconds: verdict == .fine ? Self.fineSeconds : Self.otherSeconds))
        }
        return verdict
    }

    /// On a thread of its own: Swift's tasks run on Dispatch's threads, and would wait behind look-ups that block those.
    private func lookedUp(_ host: String) async -> Result<[IPAddress], LookUpFailure> {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [lookUp] in continuation.resume(returning: lookUp(host)) }
        }
    }

    private static func verdict(_ result: Result<[IPAddress], LookUpFailure>) -> Verdict {
        switch result {
        case .failure(let failure): .unknown(reason: failure.reason)
        case .success(let addresses): addresses.allSatisfy(\.isPublic) ? .fine : .isPrivate
        }
    }

    @Sendable static func systemLookUp(_ host: String) -> Result<[IPAddress], LookUpFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &first)
        guard code == 0 else { return .failure(LookUpFailure(reason: String(cString: gai_strerror(code)))) }
        defer { freeaddrinfo(first) }
        var addresses: [IPAddress] = []
        var next = first
        while let entry = next {
            if let address = entry.pointee.ai_addr.flatMap(IPAddress.init(socketAddress:)) { addresses.append(address) }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(LookUpFailure(reason: "the name has no address")) : .success(addresses)
    }
}

extension IPAddress {
    fileprivate init?(socketAddress: UnsafeMutablePointer<sockaddr>) {
        let raw = UnsafeRawPointer(socketAddress)
        switch Int32(socketAddress.pointee.sa_family) {
        case AF_INET:
            var address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(bytes: withUnsafeBytes(of: &address) { Array($0) })
        case AF_INET6:
            var address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(bytes: withUnsafeBytes(of: &address) { Array($0) })
        default: return nil
        }
    }
}
