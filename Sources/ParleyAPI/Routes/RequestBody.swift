import HTTPTypes
import Hummingbird
import ParleyCore
import ParleyModel

/// Reading what a request says: its JSON body, the ids of its path, its query.
enum RequestBody {
    /// The largest body that is read.
    static let maxBytes = 65_536

    /// The body as a JSON object. Throws a problem for anything else.
    static func object(_ request: Request) async throws -> JSONObject {
        try checkContentType(request.headers[.contentType])
        let buffer = try await request.body.collect(upTo: maxBytes)
        let value: JSONValue
        do throws(JSONSyntaxError) {
            value = try JSONParser.parse(buffer.readableBytesView)
        } catch {
            throw ParleyError(error)
        }
        guard case .object(let object) = value else {
            throw ParleyError(.invalidField, "the body must be an object, but is \(value.kind)")
        }
        return object
    }

    private static func checkContentType(_ value: String?) throws(ParleyError) {
        if value == "application/json" { return }
        let type = value?.prefix { $0 != ";" }.lowercased().filter { $0 != " " } ?? ""
        guard type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json")) else {
            throw ParleyError(.unsupportedMediaType, "a body needs the header Content-Type: application/json")
        }
    }
}

extension ParleyRequestContext {
    /// The id in the path.
    func pathID<Kind>(_ name: String, as: Identifier<Kind>.Type = Identifier<Kind>.self) throws(ParleyError) -> Identifier<Kind> {
        guard let text = parameters.get(name), let id = Identifier<Kind>(text) else {
            throw ParleyError(.invalidID, "\(name) in the path must be a UUID")
        }
        return id
    }
}

/// The parameters of a query.
struct Query {
    private let request: Request

    init(_ request: Request) { self.request = request }

    /// The parameter's value; nil when it is not given. Given twice is refused: two readers could take different ones.
    func text(_ name: String) throws(ParleyError) -> String? {
        let values = request.uri.queryParameters.getAll(name)
        guard values.count < 2 else { throw ParleyError(.invalidParameter, "\(name) is given twice") }
        return values.first
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(ParleyError) -> Int64? {
        guard let text = try text(name) else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            let bounds =
                range.upperBound == .max
                ? "a whole number, at least \(range.lowerBound)" : "a whole number from \(range.lowerBound) to \(range.upperBound)"
            throw ParleyError(.invalidParameter, "\(name) must be \(bounds)")
        }
        return value
    }

    /// `limit`, from 1 to 200, 50 when it is not said.
    func limit() throws(ParleyError) -> Int {
        Int(try integer("limit", in: 1...Int64(MessageService.maxPage)) ?? Int64(MessageService.defaultPage))
    }
}
