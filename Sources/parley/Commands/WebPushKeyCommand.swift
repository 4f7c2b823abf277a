import ArgumentParser
import ParleyWebPush

extension PushCommand {
    struct WebPushKey: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "webpush-key", abstract: "Make a key for Web Push in a new file, and print its public half.",
            discussion: """
                Name the file in push.webpush.key_file, on every node of a cluster. Keep it: browsers are tied to it, and have to be \
                registered anew with another one. Embedded, the server makes one by itself.
                """)

        @Argument(help: "The file to make; only its owner can read it.")
        var file: String

        func run() throws {
            let key = VAPIDKey.random()
            do { try VAPIDKeyFile.make(file, key) } catch { throw Failure("No key was made: \(error)") }
            print(key.publicKey)
        }
    }
}
