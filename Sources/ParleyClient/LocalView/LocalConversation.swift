import ParleyModel

/// One conversation of a local view: the fields of its view, each with what is needed to tell news from old news.
struct LocalConversation: Sendable, Equatable {
    /// What never changes: id, type, who created it and when, the two users of a direct one.
    private let origin: Conversation
    private var title: String?
    private var participantCount: Int64
    private var lastMessage: LastMessage?
    private var lastSequence: Int64
    private var role: Role
    private var mute: Mute
    private var notificationLevel: NotificationLevel
    private var readState: ReadState

    /// The versions of what carries one, apart: an event names only some of it.
    private var titleVersion: Int64
    private var countVersion: Int64
    private var roleVersion: Int64

    private var senders = RecentSenders()
    private var isCountUnknown = false
    private var skippedThrough: Int64 = 0

    var participants = LocalParticipants()
    /// The newest counts of a large group.
    var receipts: ReceiptCounts?

    init(_ view: ConversationView) {
        let conversation = view.conversation
        origin = conversation
        title = conversation.title
        participantCount = conversation.participantCount
        lastMessage = conversation.lastMessage
        lastSequence = conversation.lastSequence
        role = view.role
        mute = view.mute
        notificationLevel = view.notificationLevel
        readState = view.readState
        titleVersion = conversation.version
        countVersion = conversation.version
        roleVersion = conversation.version
    }

    var view: ConversationView {
        ConversationView(
            conversation: Conversation(
                id: origin.id, type: origin.type, title: title, createdBy: origin.createdBy, createdAt: origin.createdAt,
                directUserIDs: origin.directUserIDs, participantCount: participantCount, lastMessage: lastMessage,
                lastSequence: lastSequence, version: max(titleVersion, countVersion)),
            role: role, mute: mute, notificationLevel: notificationLevel, readState: readState)
    }

    /// Something was missed that events do not make up for: the view has to be read again.
    var isStale: Bool { isCountUnknown || skippedThrough > lastSequence }

    // MARK: Messages and the user's own marker

    /// Two gates, as a count may know of messages that have not come yet.
    mutating func apply(_ message: Message, of user: UserID) {
        let number = message.sequenceNumber
        let isOther = message.senderID != user
        senders.note(number, isOther: isOther)
        if number > readState.lastSequence {
            if number > readState.lastSequence + 1 { isCountUnknown = true }
            readState = ReadState(
                lastReadSequence: readState.lastReadSequence, unreadCount: readState.unreadCount + (isOther ? 1 : 0), lastSequence: number)
        }
        if number > lastSequence {
            lastSequence = number
            lastMessage = LastMessage(message)
        }
    }

    /// Messages up to `through` will not come: whose they are only a fresh view knows.
    mutating func skip(through: Int64) {
        skippedThrough = max(skippedThrough, through)
        if through > readState.lastSequence { isCountUnknown = true }
    }

    mutating func markStale() { isCountUnknown = true }

    mutating func applyOwnRead(_ marker: ReadMarker) {
        participants.noteRead(marker.sequenceNumber, of: marker.userID)
        if let own = marker.own {
            merge(ReadState(lastReadSequence: marker.sequenceNumber, unreadCount: own.unreadCount, lastSequence: own.lastSequence))
        } else if marker.sequenceNumber > readState.lastReadSequence {
            isCountUnknown = true
        }
    }

    /// Of two counts the one with the higher marker is right, and of two with the same marker the one that saw more
    /// messages. Messages that the right one did not see are added to it.
    private mutating func merge(_ news: ReadState) {
        guard news.lastReadSequence >= readState.lastReadSequence else { return }
        if news.lastReadSequence == readState.lastReadSequence, news.lastSequence <= readState.lastSequence, !isCountUnknown { return }
        let through = max(readState.lastSequence, news.lastSequence)
        let overtaken = senders.others(after: news.lastSequence, through: through)
        isCountUnknown = overtaken == nil
        readState = ReadState(
            lastReadSequence: news.lastReadSequence, unreadCount: news.unreadCount + (overtaken ?? 0), lastSequence: through)
    }

    // MARK: Whole views and changes

    /// Puts a whole view in, part by part, where it is not older than what is there. Mute and level have no number to compare: they
    /// are taken unless something else shows that the view is old.
    mutating func merge(_ news: ConversationView) {
        let conversation = news.conversation
        // A whole view comes where single changes were missed.
        if conversation.version > max(titleVersion, countVersion) { participants.markStale() }
        if conversation.version >= countVersion, conversation.lastSequence >= lastSequence {
            mute = news.mute
            notificationLevel = news.notificationLevel
        }
        apply(conversation.stamp)
        if conversation.version >= roleVersion {
            roleVersion = conversation.version
            role = news.role
        }
        if conversation.lastSequence > lastSequence {
            lastSequence = conversation.lastSequence
            lastMessage = conversation.lastMessage
        }
        merge(news.readState)
    }

    mutating func apply(_ stamp: ConversationStamp) {
        if stamp.version >= titleVersion {
            titleVersion = stamp.version
            title = stamp.title
        }
        setCount(stamp.participantCount, version: stamp.version)
    }

    mutating func apply(_ change: ParticipantChange, of user: UserID) {
        setCount(change.participantCount, version: change.version)
        if change.userID == user, let newRole = change.role, change.version > roleVersion {
            roleVersion = change.version
            role = newRole
        }
        participants.apply(change, lastSequence: lastSequence)
    }

    private mutating func setCount(_ count: Int64, version: Int64) {
        guard version >= countVersion else { return }
        countVersion = version
        participantCount = count
    }

    mutating func apply(_ state: MuteState) { mute = Mute(state) }

    mutating func apply(_ level: NotificationLevel) { notificationLevel = level }
}

extension LastMessage {
    init(_ message: Message) {
        let preview = MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: message.mediaIDs.count)
        self.init(id: message.id, at: message.createdAt, preview: preview)
    }
}
