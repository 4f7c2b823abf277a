public import ParleyModel

extension ParleyClient {
    /// What the server tells, in order, each message once. It ends when ``ParleyClient/run()`` does.
    ///
    /// Read it, always: it holds ``Configuration/maxBufferedEvents`` events, and when it is full the client stops reading
    /// its socket. Nothing is lost then, but nothing else arrives either, answers to ``ParleyClient/send(_:)`` included;
    /// after a while the server closes the connection, and what was missed is read once there is room.
    ///
    /// Meant for one reader; when several read, each event goes to one of them.
    public struct Events: AsyncSequence, Sendable {
        let buffer: EventBuffer

        public struct AsyncIterator: AsyncIteratorProtocol {
            let buffer: EventBuffer

            public mutating func next() async -> Event? { await buffer.next() }

            public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? { await buffer.next() }
        }

        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(buffer: buffer) }
    }
}
