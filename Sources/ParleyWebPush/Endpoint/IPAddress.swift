#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An address, as bytes: 4 or 16.
struct IPAddress: Sendable, Equatable {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Nil for a name. A zone (`%eth0`) is left out.
    init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            bytes = withUnsafeBytes(of: &v4) { Array($0) }
        } else if inet_pton(AF_INET6, String(text.prefix { $0 != "%" }), &v6) == 1 {
            bytes = withUnsafeBytes(of: &v6) { Array($0) }
        } else {
            return nil
        }
    }

    var isLoopback: Bool {
        if let inner = embeddedIPv4 { return inner.isLoopback }
        return bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1]
    }

    /// Whether it is of the internet, and not of this machine, its network, or set aside for another use (IANA's registries of
    /// special-purpose addresses).
    var isPublic: Bool {
        if let inner = embeddedIPv4 { return inner.isPublic }
        let ranges = bytes.count == 4 ? Self.setAsideIPv4 : Self.setAsideIPv6
        let isUnicast = bytes.count == 4 || bytes[0] & 0xE0 == 0x20  // 2000::/3 is all of IPv6 that is given out
        return isUnicast && !ranges.contains { isIn($0.network, $0.bits) }
    }

    /// IPv4 inside of IPv6: mapped, by NAT64 or by 6to4. What counts is where it leads.
    private var embeddedIPv4: IPAddress? {
        guard bytes.count == 16 else { return nil }
        if isIn(Self.mapped, 96) || isIn(Self.nat64, 96) { return IPAddress(bytes: Array(bytes[12...])) }
        return isIn([0x20, 0x02], 16) ? IPAddress(bytes: Array(bytes[2..<6])) : nil
    }

    private func isIn(_ network: [UInt8], _ bits: Int) -> Bool {
        for (place, byte) in network.enumerated() where place * 8 < bits {
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> min(8, bits - place * 8))
            if bytes[place] & mask != byte & mask { return false }
        }
        return true
    }

    private static let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    private static let nat64: [UInt8] = [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0]

    private static let setAsideIPv4: [(network: [UInt8], bits: Int)] = [
        ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24), ([192, 0, 2], 24),
        ([192, 88, 99], 24), ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24), ([203, 0, 113], 24), ([224], 4), ([240], 4),
    ]

    private static let setAsideIPv6: [(network: [UInt8], bits: Int)] = [
        ([0x20, 0x01, 0x00], 23), ([0x20, 0x01, 0x0D, 0xB8], 32), ([0x3F, 0xFF, 0x00], 20),
    ]
}
