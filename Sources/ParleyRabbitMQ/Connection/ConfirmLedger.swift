/// What has become of messages that were published together (https://www.rabbitmq.com/docs/confirms#publisher-confirms).
///
/// The broker confirms or refuses each by its number, or all up to a number at once; what it cannot route it returns, and
/// confirms as well.
struct ConfirmLedger {
    private let first: UInt64
    private var isOpen: [Bool]
    private(set) var open: Int
    private(set) var refused = 0
    var returned = 0

    /// For messages whose numbers are those from `first` on.
    init(first: UInt64, count: Int) {
        self.first = first
        isOpen = [Bool](repeating: true, count: count)
        open = count
    }

    var isComplete: Bool { open == 0 }
    /// Messages that are not in their queue.
    var lost: Int { refused + returned }

    /// Notes the broker's word; one on messages that are settled or not ours changes nothing.
    mutating func settle(_ tag: UInt64, multiple: Bool, isRefused: Bool) {
        for place in places(tag, multiple: multiple) where isOpen[place] {
            isOpen[place] = false
            open -= 1
            if isRefused { refused += 1 }
        }
    }

    /// Zero with `multiple` means all so far.
    private func places(_ tag: UInt64, multiple: Bool) -> Range<Int> {
        if multiple, tag == 0 { return isOpen.indices }
        guard tag >= first else { return 0..<0 }
        let place = Int(clamping: tag - first)
        if multiple { return 0..<min(place, isOpen.count - 1) + 1 }
        return place < isOpen.count ? place..<(place + 1) : 0..<0
    }
}
