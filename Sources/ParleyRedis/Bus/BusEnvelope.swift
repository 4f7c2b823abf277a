import ParleyCore
import ParleyModel

/// An event as nodes of ours tell it each other: `{"format":1,"origin":"<node>","kind":"typing","event":{…}}`.
///
/// Nodes of two versions run side by side during an upgrade. A node passes over kinds and formats that it does not know,
/// and members too: a new member needs no new format, a changed meaning does.
struct BusEnvelope {
    static let format: Int64 = 1

    let origin: RedisNodeID
    let event: BusEvent

    /// Nil for a kind or a format that is not known here.
    init?(_ payload: [UInt8]) throws(BusPayloadError) {
        do {
            guard case .object(let json) = try JSONParser.parse(payload) else { throw BusPayloadError(reason: "is no JSON object") }
            guard try json.requiredInteger("format") == Self.format else { return nil }
            origin = try json.requiredID("origin")
            guard let event = try BusEvent(kind: try json.requiredString("kind"), try json.requiredObject("event")) else { return nil }
            self.event = event
        } catch let error as BusPayloadError {
            throw error
        } catch let error as FieldError {
            throw BusPayloadError(reason: error.detail)
        } catch {
            throw BusPayloadError(reason: "is no JSON")
        }
    }

    /// Nil for a message, which goes over the bus without an envelope.
    static func payload(of event: BusEvent, from origin: RedisNodeID) -> [UInt8]? {
        guard let kind = event.kind else { return nil }
        var json = JSONWriter(capacity: 384)
        json.object { json in
            json.name("format")
            json.integer(format)
            json.name("origin")
            json.id(origin)
            json.name("kind")
            json.string(kind)
            json.name("event")
            json.object { event.writeMembers(to: &$0) }
        }
        return json.bytes
    }
}

/// A payload that nobody of ours can have sent. What it says is not repeated.
struct BusPayloadError: Error {
    let reason: String
}

/// A node for the time of its life, so that it knows its own events when they come back.
enum NodeKind {}
typealias RedisNodeID = Identifier<NodeKind>

/// The payload of a message is its JSON and nothing else, also for programs that are not ours; its number stands in it.
enum MessagePayload {
    static func sequenceNumber(of payload: [UInt8]) throws(BusPayloadError) -> Int64 {
        guard case .object(let json)? = try? JSONParser.parse(payload) else { throw BusPayloadError(reason: "is no JSON object") }
        do throws(FieldError) {
            return try json.requiredInteger("sequence_number")
        } catch {
            throw BusPayloadError(reason: error.detail)
        }
    }
}
