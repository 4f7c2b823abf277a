import ParleyModel

/// What push services are told of an alert, by privacy:
///
/// | | title | text of one message | text of several |
/// |---|---|---|---|
/// | `full` | the sender's name | the preview | `12 new messages` |
/// | `sender` | the sender's name | `New message` | `12 new messages` |
/// | `ids` | none | none | none |
///
/// The sender's name is what the sender has said to be called; who has said nothing has no name here, and the app puts its own.
/// The words are English; the number of messages goes along, so that an app can say them in its user's language.
struct PushWording: Equatable {
    let title: String?
    let text: String?

    init(_ privacy: PushPrivacy, senderName: String?, preview: String, count: Int) {
        title = privacy == .ids ? nil : senderName
        text =
            switch privacy {
            case .ids: nil
            case .full where count == 1: preview
            case .sender where count == 1: "New message"
            case .full, .sender: "\(count) new messages"
            }
    }
}

extension PushPrivacy {
    /// The one by which push services are told less.
    func stricter(_ other: PushPrivacy?) -> PushPrivacy {
        guard let other else { return self }
        return other.strictness > strictness ? other : self
    }

    private var strictness: Int {
        switch self {
        case .full: 0
        case .sender: 1
        case .ids: 2
        }
    }
}
