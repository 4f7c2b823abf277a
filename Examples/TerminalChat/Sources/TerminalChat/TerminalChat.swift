import ParleyClient
import ParleyModel

@main
struct TerminalChat {
    static func main() async throws {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            print(Arguments.usage)
            return
        }
        let client = try ParleyClient(.init(url: arguments.url) { arguments.token })
        let chat = Chat(client: client, opening: arguments.conversation)
        do {
            try await run(client, chat)
        } catch is Quit {
            return
        } catch {
            print("! \(error)")
        }
    }

    /// Everything runs in one group and ends with it: when the keyboard ends, or when the client gives up.
    private static func run(_ client: ParleyClient, _ chat: Chat) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await client.run() }
            group.addTask { for await event in client.events { await chat.take(event) } }
            group.addTask { for await state in client.states { await chat.show(state) } }
            group.addTask {
                await chat.follow(Keyboard.lines())
                throw Quit()
            }
        }
    }
}

/// Ends the group.
struct Quit: Error {}
