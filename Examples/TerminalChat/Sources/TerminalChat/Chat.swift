import ParleyClient
import ParleyModel

/// What is on the screen: the conversations as a local view, and the one that is open.
actor Chat {
    let client: ParleyClient
    /// Nil until the connection was live for the first time.
    private(set) var view: LocalView?
    var open: ConversationID?
    /// When somebody last typed something.
    var typedAt = ContinuousClock.now

    init(client: ParleyClient, opening conversation: ConversationID?) {
        self.client = client
        open = conversation
    }

    // MARK: The connection

    func show(_ state: ConnectionState) async {
        switch state {
        case .idle, .connecting: break
        case .startingAnew: view?.restart()
        case .catchingUp: print("· connected")
        case .live: await begin()
        case .waiting(let milliseconds, let reason): print("· offline (\(reason)); trying again in \(milliseconds) ms")
        case .stopped: print("· stopped")
        }
    }

    /// Reads the snapshot: once, and again when the client has started anew. The view is there before the reading begins,
    /// and holds the events that come meanwhile.
    private func begin() async {
        guard view?.hasBegun != true, let user = await client.user else { return }
        if view == nil { view = LocalView(user: user) }
        do {
            view?.begin(with: try await client.allConversations())
            print("· you are \(user)")
            list()
            if let open { await self.open(open) }
        } catch {
            view = nil
            print("! the conversations could not be read: \(error)")
        }
    }

    // MARK: Events

    func take(_ event: Event) async {
        view?.apply(event)
        switch event {
        case .message(let message): await show(message.message)
        case .conversation(.added(let added, _)): print("· you are in \(name(of: added)) now; /list shows it")
        case .conversation(.removed(let id)):
            print("· you are no longer in \(id.short)")
            if open == id { open = nil }
        case .typing(let id, let user, let isTyping):
            if isTyping, id == open { print("· \(user.short) is typing") }
        case .read(let marker):
            if marker.conversationID == open, marker.userID != view?.user {
                print("· \(marker.userID.short) has read up to #\(marker.sequenceNumber)")
            }
        default: break
        }
        await refresh()
    }

    /// Reads what events alone could not tell.
    private func refresh() async {
        guard let view, view.hasBegun else { return }
        for id in view.needsRefresh {
            if let fresh = try? await client.conversation(id) { self.view?.add(fresh) }
        }
    }

    /// A message in the open conversation is read as soon as it is shown. Who reads is not waited for: the next event is.
    private func show(_ message: Message) async {
        let isOpen = message.conversationID == open
        let place = isOpen ? "" : "[\(name(of: message.conversationID))] "
        print("\(place)\(sender(of: message)): \(text(of: message))")
        guard isOpen, message.senderID != view?.user else { return }
        let client = client
        Task { try? await client.markRead(message.conversationID, through: message.sequenceNumber) }
    }

    // MARK: Words

    func sender(of message: Message) -> String { message.senderID == view?.user ? "you" : message.senderID.short }

    func text(of message: Message) -> String {
        message.messageType == .text
            ? message.content
            : MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: message.mediaIDs.count)
    }

    func name(of id: ConversationID) -> String { view?.conversation(id).map(name) ?? id.short }

    func name(of view: ConversationView) -> String {
        let others = view.conversation.directUserIDs.filter { $0 != self.view?.user }
        return view.conversation.title ?? others.first?.short ?? view.conversation.id.short
    }
}

extension Identifier {
    /// Enough of an id to tell it by on a screen.
    var short: String { String(description.prefix(8)) }
}
