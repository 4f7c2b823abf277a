import HTTPTypes
import Hummingbird
public import NIOCore
public import ParleyCore
public import ParleyModel

/// The bytes of an open stream of server-sent events. Whoever opened it must close it.
public struct ServerSentEvents: Sendable {
    /// The next bytes; nil at the end.
    public let next: @Sendable () async -> ByteBuffer?
    public let close: @Sendable () async -> Void

    public init(next: @escaping @Sendable () async -> ByteBuffer?, close: @escaping @Sendable () async -> Void) {
        self.next = next
        self.close = close
    }
}

/// Opens a stream for a caller, from an id that an earlier stream ended with, on the request's channel.
public typealias OpenServerSentEvents =
    @Sendable (_ caller: Caller, _ from: EventStreamID?, _ replayLimit: Int64?, _ channel: any Channel) async throws(ParleyError) ->
    ServerSentEvents

/// `GET /v1/events`: what a socket's client is told, for networks that break WebSocket.
struct EventRoutes {
    let open: OpenServerSentEvents

    func add(to routes: inout Routes) {
        routes.on(.get, "/v1/events", use: stream)
    }

    private func stream(_ request: Request, _ context: ParleyRequestContext) async throws -> Response {
        let query = Query(request)
        let id = try Self.lastEventID(request.headers[.lastEventID], try query.text("cursor"))
        let stream = try await open(try context.caller, id, try query.integer("replay_limit", in: 0 ... .max), context.channel)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                // nginx gathers what it passes on, unless told not to.
                .accelBuffering: "no",
            ],
            body: ResponseBody { writer in
                do {
                    while let bytes = await stream.next() { try await writer.write(bytes) }
                    await stream.close()
                } catch {
                    await stream.close()
                    throw error
                }
                try await writer.finish(nil)
            })
    }

    /// The header is what a browser sends when it comes back by itself; it is newer than what the address says.
    private static func lastEventID(_ header: String?, _ parameter: String?) throws(ParleyError) -> EventStreamID? {
        guard let text = [header, parameter].compactMap(\.self).first(where: { !$0.isEmpty }) else { return nil }
        guard let id = EventStreamID(text) else {
            throw ParleyError(.invalidCursor, "Last-Event-ID, or cursor, is not one that this server made")
        }
        return id
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = HTTPField.Name("Last-Event-ID")!
    fileprivate static let accelBuffering = HTTPField.Name("X-Accel-Buffering")!
}
