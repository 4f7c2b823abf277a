import ParleyClient
import ParleyModel
import Testing

struct LocalParticipantTests {
    private var local = LocalView(user: me)

    init() {
        local.begin(with: [view(last: 5, read: 5)])
    }

    @Test func `participants are unknown until their list is read`() {
        var local = local
        #expect(local.participants(of: home) == nil)
        let isUsed = local.setParticipants([participant(me), participant(ben)], in: home, version: 1)
        #expect(isUsed)
        #expect(local.participants(of: home)?.map(\.userID) == [me, ben])
    }

    @Test func `who joins, leaves or has another role`() {
        var local = local
        local.setParticipants([participant(me), participant(ben)], in: home, version: 1)
        local.apply(participantEvent(.joined, eve, .readOnly, count: 4, version: 2))
        #expect(local.participants(of: home)?.last?.role == .readOnly)
        #expect(local.participants(of: home)?.last?.lastReadSequence == 5)
        local.apply(participantEvent(.role, eve, .admin, count: 4, version: 3))
        #expect(local.participants(of: home)?.last?.role == .admin)
        local.apply(participantEvent(.left, eve, nil, count: 3, version: 4))
        #expect(local.participants(of: home)?.map(\.userID) == [me, ben])
    }

    @Test func `a view that is newer than all that was told says that the list has to be read again`() {
        var local = local
        local.setParticipants([participant(me), participant(ben)], in: home, version: 1)
        #expect(local.needsParticipants.isEmpty)
        local.apply(.conversation(.refreshed(view(last: 5, read: 5, version: 7), at: start)))
        #expect(local.needsParticipants == [home])
        local.setParticipants([participant(me), participant(eve)], in: home, version: 7)
        #expect(local.needsParticipants.isEmpty)
        local.apply(.conversation(.refreshed(view(last: 5, read: 5, version: 7), at: start)))
        #expect(local.needsParticipants.isEmpty)
    }

    @Test func `late and repeated changes are old news`() {
        var local = local
        local.setParticipants([participant(me), participant(ben)], in: home, version: 2)
        local.apply(participantEvent(.left, ben, nil, count: 1, version: 2))
        #expect(local.participants(of: home)?.count == 2)
        local.apply(participantEvent(.joined, eve, .member, count: 3, version: 5))
        local.apply(participantEvent(.left, eve, nil, count: 2, version: 4))
        local.apply(participantEvent(.joined, eve, .member, count: 3, version: 5))
        #expect(local.participants(of: home)?.count == 3)
    }

    @Test func `a list read before a change that came meanwhile is put right`() {
        var local = local
        local.apply(participantEvent(.joined, eve, .member, count: 4, version: 2))
        local.apply(participantEvent(.left, ben, nil, count: 3, version: 3))
        local.setParticipants([participant(me), participant(ben)], in: home, version: 1)
        #expect(local.participants(of: home)?.map(\.userID) == [me, eve])
    }

    @Test func `markers only rise, and reading counts as receiving`() {
        var local = local
        local.apply(.read(ReadMarker(conversationID: home, userID: ben, sequenceNumber: 4)))
        local.setParticipants([participant(me), participant(ben, read: 2, delivered: 3)], in: home, version: 1)
        #expect(local.participants(of: home)?.last?.lastReadSequence == 4)
        #expect(local.participants(of: home)?.last?.lastDeliveredSequence == 4)
        local.apply(.delivered(DeliveredMarker(conversationID: home, userID: ben, sequenceNumber: 5)))
        local.apply(.delivered(DeliveredMarker(conversationID: home, userID: ben, sequenceNumber: 3)))
        local.apply(.read(ReadMarker(conversationID: home, userID: ben, sequenceNumber: 1)))
        #expect(local.participants(of: home)?.last?.lastReadSequence == 4)
        #expect(local.participants(of: home)?.last?.lastDeliveredSequence == 5)
    }

    @Test func `a list that too much has happened since is refused`() {
        var local = local
        for number in 1...1002 as ClosedRange<Int64> {
            let user = UserID(high: 7, low: UInt64(number))
            local.apply(participantEvent(.joined, user, .member, count: number, version: number + 1))
        }
        let isOldUsed = local.setParticipants([participant(me)], in: home, version: 1)
        #expect(!isOldUsed)
        #expect(local.participants(of: home) == nil)
        let isNewUsed = local.setParticipants([participant(me)], in: home, version: 1000)
        #expect(isNewUsed)
        #expect(local.participants(of: home)?.count == 4)
    }

    @Test func `the newest counts of a large group are kept`() {
        var local = local
        local.apply(.receipts(ReceiptCounts(sequenceNumber: 5, readCount: 2, deliveredCount: 3, conversationID: home)))
        local.apply(.receipts(ReceiptCounts(sequenceNumber: 4, readCount: 1, deliveredCount: 1, conversationID: home)))
        #expect(local.receipts(of: home)?.readCount == 2)
    }
}
