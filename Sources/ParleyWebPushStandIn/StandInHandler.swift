import Foundation
import NIOCore
import NIOHTTP1
import ParleyCore
import ParleyModel
import Synchronization

/// One connection to the stand-in.
final class StandInHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// A body that goes on for longer is not kept.
    private static let maxKeptBytes = 65_536

    private let standIn: () -> WebPushStandIn?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var underWay = 0

    init(_ standIn: @escaping () -> WebPushStandIn?) {
        self.standIn = standIn
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            if body.count < Self.maxKeptBytes { body.append(contentsOf: part.readableBytesView) }
        case .end:
            guard let head, let standIn = standIn() else { return context.close(promise: nil) }
            underWay += 1
            act(standIn.taken(head, body), keepAlive: head.isKeepAlive, standIn, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        for _ in 0..<underWay { standIn()?.ended() }
        underWay = 0
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func act(_ action: WebPushStandIn.Action, keepAlive: Bool, _ standIn: WebPushStandIn, _ context: ChannelHandlerContext) {
        switch action {
        case .stall: break
        case .hangUp: context.close(promise: nil)
        case .answer(let status, let headers, let text, let ends):
            var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
            if ends { fields.replaceOrAdd(name: "Content-Length", value: String(text.utf8.count)) }
            let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            guard ends else { return }
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            underWay -= 1
            standIn.ended()
            if !keepAlive { context.close(promise: nil) }
        }
    }
}

extension WebPushStandIn {
    enum Action {
        case answer(status: Int, headers: [String: String], body: String, ends: Bool)
        case stall
        case hangUp
    }

    fileprivate func ended() { state.withLock { $0.underWay -= 1 } }

    fileprivate func taken(_ head: HTTPRequestHead, _ body: [UInt8]) -> Action {
        let number = head.uri.hasPrefix("/push/") ? Int(head.uri.dropFirst("/push/".count)) : nil
        let (behaviour, subscription, isRemoved) = state.withLock { state -> (Behaviour, StandInSubscription?, Bool) in
            state.requests += 1
            state.underWay += 1
            state.mostUnderWay = max(state.mostUnderWay, state.underWay)
            let known = number.flatMap { state.subscriptions.indices.contains($0) ? state.subscriptions[$0] : nil }
            return (number.flatMap { state.behaviours[$0] } ?? state.behaviour, known, number.map { state.removed.contains($0) } ?? false)
        }
        switch behaviour {
        case .stall: return .stall
        case .hangUp: return .hangUp
        case .answer(let status, let headers, let text): return .answer(status: status, headers: headers, body: text, ends: true)
        case .endlessBody(let status): return .answer(status: status, headers: [:], body: String(repeating: "a", count: 64), ends: false)
        case .check: break
        }
        guard let number, let subscription else { return refused(404, "there is no such subscription") }
        if isRemoved { return refused(410, "the subscription has ended") }
        let check = StandInCheck(
            head: head, body: body, subscription: subscription, number: number, origin: origin, requiresContact: requiresContact,
            known: { header in self.state.withLock { $0.tokens[header] } }, now: SystemTimeSource().now())
        do throws(StandInToken.Refusal) {
            let delivery = try check.delivery()
            let count = state.withLock { state in
                if let header = head.headers.first(name: "Authorization") { state.tokens[header] = delivery.token }
                if keepsDeliveries { state.deliveries.append(delivery) }
                return state.requests
            }
            return .answer(status: 201, headers: ["Location": "\(origin)/message/\(count)"], body: "", ends: true)
        } catch {
            return refused(error.status, error.reason)
        }
    }

    private func refused(_ status: Int, _ reason: String) -> Action {
        state.withLock { $0.complaints.append("\(status): \(reason)") }
        return .answer(status: status, headers: ["Content-Type": "text/plain"], body: reason, ends: true)
    }
}
