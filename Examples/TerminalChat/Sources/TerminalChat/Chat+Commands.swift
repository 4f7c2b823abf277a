import ParleyClient
import ParleyModel

/// What is typed.
extension Chat {
    static let help = """
        /list                 your conversations; the open one has a star
        /open N               open the conversation with that number in the list
        /direct USER          open the direct conversation with a user
        /group TITLE          make a group and open it
        /add USER             add a user to the open group
        /leave                leave the open group
        /who                  who is in the open conversation
        /quit                 end
        anything else         is sent to the open conversation
        """

    func follow(_ lines: AsyncStream<String>) async {
        for await line in lines where !line.isEmpty {
            typedAt = .now
            await tellActivity()
            if line == "/quit" { return }
            do {
                try await carryOut(line)
            } catch {
                print("! \(error)")
            }
        }
    }

    /// Whoever has typed nothing for two minutes gets push notifications on their other devices.
    func watchKeyboard() async throws {
        while true {
            await tellActivity()
            try await Task.sleep(for: .seconds(5))
        }
    }

    private func tellActivity() async { await client.setActive(.now - typedAt < .seconds(120)) }

    private func carryOut(_ line: String) async throws {
        guard line.hasPrefix("/") else { return send(line) }
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        let rest = words.count > 1 ? words[1] : ""
        switch words[0] {
        case "/list": list()
        case "/open": await openFromList(rest)
        case "/direct": await open(try await added(client.createDirect(with: try user(rest))))
        case "/group": await open(try await added(client.createGroup(title: rest.isEmpty ? nil : rest)))
        case "/add": try await client.setParticipant(try user(rest), in: try opened())
        case "/leave": try await client.removeParticipant(try selfID(), from: try opened())
        case "/who": try await who()
        default: print(Self.help)
        }
    }

    /// Does not wait: what is typed next is sent behind it, also when the connection is down just now.
    private func send(_ text: String) {
        guard let open else { return print("! open a conversation first; /help") }
        let client = client
        Task {
            do {
                try await client.send(OutgoingMessage(to: open, text))
            } catch {
                print("! \"\(text)\" was not sent: \(error)")
            }
        }
    }

    func list() {
        let conversations = view?.conversations ?? []
        if conversations.isEmpty { print("· no conversations yet; /direct USER or /group TITLE begins one") }
        for (place, view) in conversations.enumerated() {
            let conversation = view.conversation
            let star = conversation.id == open ? "*" : " "
            let unread = view.readState.unreadCount > 0 ? " (\(view.readState.unreadCount) unread)" : ""
            print("\(star)\(place + 1). \(name(of: view))\(unread)  \(conversation.lastMessage?.preview ?? "")")
        }
    }

    private func openFromList(_ text: String) async {
        let conversations = view?.conversations ?? []
        guard let number = Int(text), conversations.indices.contains(number - 1) else { return print("! /open needs a number of /list") }
        await open(conversations[number - 1].conversation.id)
    }

    /// Opens a conversation: shows its newest messages and marks them as read.
    func open(_ id: ConversationID) async {
        open = id
        do {
            let page = try await client.history(of: id, limit: 20)
            print("· \(name(of: id))")
            for message in page.messages { print("\(sender(of: message.message)): \(text(of: message.message))") }
            if page.lastSequence > 0 { try await client.markRead(id, through: page.lastSequence) }
        } catch {
            print("! \(error)")
        }
    }

    private func who() async throws {
        for participant in try await client.participants(of: try opened(), limit: 200).participants {
            print("· \(participant.userID) \(participant.role.rawValue), has read up to #\(participant.lastReadSequence)")
        }
    }

    private func added(_ view: ConversationView) -> ConversationID { view.conversation.id }

    private func opened() throws -> ConversationID {
        guard let open else { throw Mistake("open a conversation first") }
        return open
    }

    private func selfID() throws -> UserID {
        guard let user = view?.user else { throw Mistake("not connected yet") }
        return user
    }

    private func user(_ text: String) throws -> UserID {
        guard let user = UserID(text) else { throw Mistake("a user is named by a UUID") }
        return user
    }
}

struct Mistake: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
