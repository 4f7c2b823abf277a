/// One thing that was looked at in an engine, and what to do if it is not as it should be.
public struct EngineFinding: Sendable, Equatable {
    public enum Verdict: Sendable, Equatable {
        case good
        /// It works, and less is promised or less is possible than could be; what to do.
        case doubtful(advice: String)
        /// Parley cannot work so; what to do.
        case bad(advice: String)
    }

    /// What was found, a sentence without a full stop. No secrets.
    public let fact: String
    public let verdict: Verdict

    public init(_ fact: String, _ verdict: Verdict = .good) {
        self.fact = fact
        self.verdict = verdict
    }

    /// - Parameter isGood: Otherwise it is bad.
    public init(_ fact: String, _ isGood: Bool, orElse advice: String) {
        self.init(fact, isGood ? .good : .bad(advice: advice))
    }
}

/// The version `text` begins with, as numbers: "6.0.5-rc1" is 6, 0, 5.
public func versionNumbers(_ text: String) -> [Int] {
    var numbers: [Int] = []
    for part in text.split(separator: ".") {
        let digits = part.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits) else { break }
        numbers.append(number)
        if digits.count < part.count { break }
    }
    return numbers
}

/// Whether a version is that one or later.
public func isVersion(_ text: String, atLeast wanted: [Int]) -> Bool {
    let found = versionNumbers(text)
    for (place, number) in wanted.enumerated() {
        let other = place < found.count ? found[place] : 0
        if other != number { return other > number }
    }
    return true
}
