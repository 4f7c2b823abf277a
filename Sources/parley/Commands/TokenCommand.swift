import ArgumentParser
import ParleyAPI
import ParleyCore
import ParleyModel

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Print a token for a user, and nothing else.",
        discussion: "It is signed (HS256) with auth.secret, or with the development secret that `parley serve` made in the data folder.")

    @Option(help: "The user's UUID. A service token may do without.")
    var user: String?

    @Option(help: "Seconds until the token ends.")
    var ttl: Int = 86_400

    @Flag(help: "A service token: acts for any user. For your own backend only.")
    var service = false

    @OptionGroup var options: SettingsOptions

    func validate() throws {
        if user == nil, !service { throw ValidationError("Name the user with --user UUID, or ask for a service token with --service.") }
        if let user, UserID(user) == nil { throw ValidationError("--user must be a UUID, but is \"\(user)\".") }
        if !(1...3_153_600_000).contains(ttl) { throw ValidationError("--ttl must be at least 1 second and at most 100 years.") }
    }

    func run() async throws {
        let secret = try SigningSecret.forSigning(try await options.settings())
        let token = try await TokenIssuer(secret: secret.text).token(
            for: user.flatMap { UserID($0) }, isService: service, seconds: Double(ttl), at: SystemTimeSource().now())
        print(token)
    }
}
