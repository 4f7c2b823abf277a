/// One promise of a port, as a sentence and the code that holds an adapter to it. Every case gets a fresh subject.
///
/// Suites are lists of cases; a test runs one with `@Test(arguments: MessageStoreConformance.cases)`.
public struct ConformanceCase<Subject: Sendable>: Sendable, CustomStringConvertible {
    public let name: String
    private let body: @Sendable (Subject) async throws -> Void

    public init(_ name: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.name = name
        self.body = body
    }

    public var description: String { name }

    public func run(_ subject: Subject) async throws {
        try await body(subject)
    }
}

/// A promise that was not kept.
public struct ConformanceFailure: Error, CustomStringConvertible {
    public let description: String
}

/// Fails the case unless the condition holds.
public func check(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) {
    guard condition else { throw ConformanceFailure(description: "\(file):\(line): \(message())") }
}

/// Fails the case unless both are equal, and says what was found.
public func checkEqual<Value: Equatable>(
    _ found: Value, _ expected: Value, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) {
    try check(found == expected, "\(message()): found \(found), expected \(expected)", file: file, line: line)
}

/// The value, which must be there.
public func checkPresent<Value>(
    _ value: Value?, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) -> Value {
    guard let value else { throw ConformanceFailure(description: "\(file):\(line): \(message()): found nothing") }
    return value
}

/// Fails the case unless `body` throws that error.
public func checkThrows<Failure: Error & Equatable, Value>(
    _ expected: Failure, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line,
    _ body: () async throws -> Value
) async throws {
    do {
        let value = try await body()
        throw ConformanceFailure(description: "\(file):\(line): \(message()): found \(value), expected the error \(expected)")
    } catch let failure as ConformanceFailure {
        throw failure
    } catch {
        try check(
            error as? Failure == expected, "\(message()): found the error \(error), expected \(expected)", file: file, line: line)
    }
}

/// Runs `body` in that many tasks at once, and returns what they return, in the order of their numbers.
public func concurrently<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        for number in 0..<count {
            group.addTask { (number, try await body(number)) }
        }
        var values: [(Int, Value)] = []
        for try await value in group { values.append(value) }
        return values.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
