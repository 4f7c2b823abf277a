import Configuration
import Foundation
import ParleyModel
import SystemPackage

/// The effective settings and where each came from: flags win over the environment, the environment over the file, the
/// file over the defaults.
struct Settings: Sendable {
    enum Origin: Sendable, Equatable {
        case flag
        case environment(String)
        case file(String)
        case byDefault

        var text: String {
            switch self {
            case .flag: "flag"
            case .environment(let name): "environment \(name)"
            case .file(let path): "file \(path)"
            case .byDefault: "default"
            }
        }
    }

    struct Value: Sendable {
        let text: String
        let origin: Origin
    }

    /// All that is wrong, a sentence each.
    struct Invalid: Error, CustomStringConvertible {
        let complaints: [String]
        var description: String { complaints.joined(separator: "\n") }
    }

    private(set) var values: [String: Value] = [:]

    /// Reads flags (by key), the environment and the file, and checks everything before anything is used.
    init(flags: [String: String], environment: [String: String], file: String?) async throws(Invalid) {
        var complaints = Self.unknownNames(flags: flags, environment: environment)
        var sources: [(any ConfigProvider, (Setting) -> Origin)] = [
            (
                InMemoryProvider(
                    values: Dictionary(
                        uniqueKeysWithValues: flags.map { (Self.key($0.key), ConfigValue(.string($0.value), isSecret: false)) })),
                { _ in .flag }
            ),
            (
                EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "parley"),
                { .environment($0.environmentName) }
            ),
        ]
        let path = file ?? environment["PARLEY_CONFIG"]
        if let path {
            do {
                let provider = try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
                sources.append((provider, { _ in .file(path) }))
                complaints += Self.complaints(aboutFile: path)
            } catch {
                throw Invalid(complaints: ["The settings file \(path) cannot be read: it must exist and hold one JSON object."])
            }
        }
        for setting in Setting.all { complaints += take(setting, from: sources) }
        if complaints.isEmpty { complaints = contradictions }
        guard complaints.isEmpty else { throw Invalid(complaints: complaints) }
    }

    private static func key(_ key: String) -> AbsoluteConfigKey {
        AbsoluteConfigKey(key.split(separator: ".").map(String.init))
    }

    private mutating func take(_ setting: Setting, from sources: [(any ConfigProvider, (Setting) -> Origin)]) -> [String] {
        for (provider, origin) in sources {
            let origin = origin(setting)
            guard let text = Self.text(setting, in: provider) else { continue }
            switch text {
            case .failure(let error): return ["\(setting.key) (from the \(origin.text)) \(error.description)"]
            case .success(let text):
                values[setting.key] = Value(text: text, origin: origin)
                return setting.complaint(about: text).map { ["\(setting.key) (from the \(origin.text)) \($0)."] } ?? []
            }
        }
        if let value = setting.defaultValue { values[setting.key] = Value(text: value, origin: .byDefault) }
        return []
    }

    private struct WrongType: Error { let description: String }

    /// A value as text: whole numbers may stand in a file without quotes.
    private static func text(_ setting: Setting, in provider: any ConfigProvider) -> Result<String, WrongType>? {
        let key = key(setting.key)
        if let found = try? provider.value(forKey: key, type: .string).value, case .string(let text) = found.content {
            return .success(text)
        }
        if let found = try? provider.value(forKey: key, type: .int).value, case .int(let number) = found.content {
            return .success("\(number)")
        }
        do {
            guard try provider.value(forKey: key, type: .string).value != nil else { return nil }
            return .failure(WrongType(description: "has a wrong type."))
        } catch {
            return .failure(WrongType(description: "has a wrong type: give a string or a whole number."))
        }
    }

    // MARK: Names nobody knows

    private static func unknownNames(flags: [String: String], environment: [String: String]) -> [String] {
        let keys = Set(Setting.all.map(\.key))
        let names = Set(Setting.all.map(\.environmentName)).union(["PARLEY_CONFIG"])
        let unknownFlags = flags.keys.filter { !keys.contains($0) }.sorted().map { "There is no setting \($0); parley config lists them." }
        let unknownVariables = environment.keys.filter { $0.hasPrefix("PARLEY_") && !names.contains($0) }.sorted()
        return unknownFlags + unknownVariables.map { "The environment variable \($0) is no setting of parley; parley config lists them." }
    }

    /// The file is read once more as strict JSON: a name that stands twice, or `true` where a number belongs, is refused too.
    private static func complaints(aboutFile path: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: path), case .object(let object)? = try? JSONParser.parse(data) else {
            return ["The settings file \(path) must hold one JSON object, with no name twice."]
        }
        let known = Set(Setting.all.map(\.key))
        return flattened(object).compactMap { key, value in
            guard known.contains(key) else { return "The file \(path) sets \(key), which is no setting of parley." }
            switch value {
            case .string, .integer, .null: return nil
            default: return "\(key) (from the file \(path)) has a wrong type: give a string or a whole number."
            }
        }.sorted()
    }

    private static func flattened(_ object: JSONObject, prefix: String = "") -> [(key: String, value: JSONValue)] {
        object.members.flatMap { name, value in
            if case .object(let inner) = value { return flattened(inner, prefix: prefix + name + ".") }
            return [(prefix + name, value)]
        }
    }

    // MARK: Access

    /// A setting that is set or has a default.
    func text(_ key: String) -> String { values[key]?.text ?? "" }
    func optional(_ key: String) -> String? { values[key]?.text }
    func number(_ key: String) -> Int { Int(text(key)) ?? 0 }
}
