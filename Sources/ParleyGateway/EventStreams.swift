public import NIOCore
public import ParleyCore
public import ParleyModel

/// Opens streams of server-sent events.
public struct EventStreams: Sendable {
    private let services: GatewayServices
    private let hub: Hub

    public init(services: GatewayServices, hub: Hub) {
        self.services = services
        self.hub = hub
    }

    /// Runs a stream: hands over bytes of the response, in order, until the client goes, the token ends or the server
    /// stops. `write` may take its time; what does not fit meanwhile becomes position hints, as on a socket.
    ///
    /// Throws before the first byte when the user cannot be let in.
    public func open(_ caller: Caller, from id: EventStreamID?, replayLimit: Int64?, on channel: any Channel) async throws(ParleyError)
        -> EventStream
    {
        let user = try caller.requiredUser()
        let connection = EventStreamConnection(channel: channel, hub: hub, configuration: services.configuration, streamID: id)
        let request = id?.request(replayLimit: replayLimit) ?? ResumeRequest(replayLimit: replayLimit)
        let seconds = caller.expiresAt.map { $0.seconds(since: services.timeSource.now()) }
        guard let subscriber = await connection.enter(caller, user: user, tokenEndsIn: seconds, hello: services.hello(to: user)) else {
            throw ParleyError(.rateLimited, "this user has too many connections", retryAfterSeconds: 30)
        }
        await services.presence.arrived(user)
        let stream = EventStream(connection: connection, user: user, presence: services.presence)
        do throws(ParleyError) {
            if let plan = try await services.plan(request, for: subscriber) {
                subscriber.part.onLoop { subscriber.begin(plan, hearsAll: true) }
                try await services.complete(plan, request, for: subscriber)
            }
            return stream
        } catch {
            await stream.close()
            throw error
        }
    }
}

/// An open stream. Whoever opened it must close it.
public struct EventStream: Sendable {
    let connection: EventStreamConnection
    let user: UserID
    let presence: PresenceService

    /// The next bytes of the response; nil at its end.
    public func next() async -> ByteBuffer? { await connection.next() }

    /// Ends it, if it has not ended yet; the user is online through it no more.
    public func close() async {
        connection.close()
        await presence.left(user)
    }
}
