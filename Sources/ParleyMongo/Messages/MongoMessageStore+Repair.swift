public import ParleyCore
public import ParleyModel

extension MongoMessageStore: RepairLog {
    public func messages(madeFrom time: Timestamp, after last: MessageID?, limit: Int) async throws(StoreError) -> [Message] {
        let second = UInt64(UInt32(clamping: time.milliseconds / 1000))
        return try await database.run { connection throws(StoreError) in
            let filter = BSON { filter in
                filter.set("_id") { range in
                    if let last { range.set("$gt", last) } else { range.set("$gte", MessageID(high: second << 32, low: 0)) }
                }
            }
            return try MessageDocument.messages(try connection.find(filter, by: .id, sort: ("_id", true), limit: limit))
        }
    }
}
