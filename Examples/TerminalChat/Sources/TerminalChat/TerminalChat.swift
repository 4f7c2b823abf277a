import Foundation
import ParleyClient
import ParleyModel

@main
struct TerminalChat {
    static func main() async {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            print(Arguments.usage)
            exit(2)
        }
        do {
            let client = try ParleyClient(.init(url: arguments.url) { arguments.token })
            try await run(client, Chat(client: client, opening: arguments.conversation))
        } catch is Quit {
            return
        } catch {
            print("! \(error)")
            exit(1)
        }
    }

    /// Everything runs in one group and ends with it: when the keyboard ends, or when the client gives up.
    private static func run(_ client: ParleyClient, _ chat: Chat) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await client.run() }
            group.addTask { for await event in client.events { await chat.take(event) } }
            group.addTask { for await state in client.states { await chat.show(state) } }
            group.addTask { try await chat.watchKeyboard() }
            group.addTask {
                await chat.follow(Keyboard.lines())
                throw Quit()
            }
        }
    }
}

/// Ends the group.
struct Quit: Error {}
