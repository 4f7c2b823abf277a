import ParleyModel

extension InMemoryStore: EffectLog {
    public func checkpoint() -> LogPosition { mark }

    public func lastPosition() -> LogPosition { LogPosition(Int64(log.count)) }

    public func messages(after position: LogPosition, limit: Int) -> [LoggedMessage] {
        let start = Int(min(max(position.value, 0), Int64(log.count)))
        return log.indices[start...].prefix(limit).map { place in
            LoggedMessage(message: log[place], position: LogPosition(Int64(place) + 1))
        }
    }

    public func advance(to position: LogPosition) {
        mark = max(mark, position)
    }
}
