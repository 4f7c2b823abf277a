public import ParleyCore
public import ParleyModel

extension MongoMessageStore: RepairLog {
    /// Each connection with a lost insert makes the fence that it could not make at once: docs/decisions/0016.
    public func settleUnknown() async throws(StoreError) { try await database.fenceLost() }

    /// An id is its second, its node and a counter, in this order: what one node made in one second is a range of `_id`, and
    /// nothing else is read.
    public func messages(madeBy node: NodeID, in seconds: Range<Int64>, after last: MessageID?, limit: Int) async throws(StoreError)
        -> [Message]
    {
        precondition(seconds.count <= RepairWindow.seconds, "a question covers at most \(RepairWindow.seconds) seconds")
        let left = seconds.filter { $0 >= last?.second ?? .min }
        if left.isEmpty { return [] }
        return try await database.run { connection throws(StoreError) in
            let filter = BSON { filter in
                filter.setArray("$or", of: left) { array, place, second in
                    let bounds = MessageID.bounds(of: node, inSecond: second)
                    array.set(place) { filter in
                        filter.set("_id") { range in
                            if let last, last.second == second { range.set("$gt", last) } else { range.set("$gte", bounds.first) }
                            range.set("$lte", bounds.last)
                        }
                    }
                }
            }
            return try MessageDocument.messages(try connection.find(filter, by: .id, sort: ("_id", true), limit: limit))
        }
    }
}
