internal import GatewayModel

/// What a request asks for, by method and path.
enum Endpoint: Equatable, Sendable {
    case inference(Operation)
    case models
    case model(String)
    case me
    case meRequest(String)
    case health
    case preflight

    /// The name in logs and metrics, from a closed list.
    var label: String {
        switch self {
        case .inference(let operation): operation.label
        case .models: "models"
        case .model: "model"
        case .me: "me"
        case .meRequest: "me_request"
        case .health: "health"
        case .preflight: "preflight"
        }
    }

    /// The operation a deployment is asked for; `nil` for endpoints that need no upstream.
    var operation: Operation? {
        if case .inference(let operation) = self { operation } else { nil }
    }

    static let targetBytesMax = 8 << 10

    /// Matches the raw path without decoding or normalising it. Only repeated slashes are collapsed: clients produce
    /// them from base URLs that end in a slash.
    init(method: String, target: String) throws(GatewayError) {
        guard target.utf8.count <= Self.targetBytesMax, target.hasPrefix("/") else {
            throw GatewayError(.invalidRequest, "The request target must be a path of at most 8 KiB.")
        }
        if method == "POST", let operation = Self.operations.first(where: { $0.target == target })?.operation {
            self = .inference(operation)
            return
        }
        if method == "OPTIONS" {
            self = .preflight
            return
        }
        var path = Self.withSingleSlashes(target.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        if path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        switch path {
        case "/v1/models": self = try Self.only("GET", method, .models)
        case "/v1/me": self = try Self.only("GET", method, .me)
        case "/v1": self = try Self.only("GET", method, .health)
        default:
            if let operation = Self.operation(at: path) {
                self = try Self.only("POST", method, .inference(operation))
                return
            }
            if let id = Self.requestID(in: path) {
                self = try Self.only("GET", method, .meRequest(id))
                return
            }
            guard path.hasPrefix("/v1/models/"), let name = Self.decoded(path.dropFirst("/v1/models/".count)) else {
                throw Self.unknown(method: method, path: path)
            }
            self = try Self.only("GET", method, .model(name))
        }
    }

    /// What nearly all requests ask for, spelled as it should be: found without taking the path apart.
    private static let operations = Operation.allCases.map { (target: "/v1" + $0.path, operation: $0) }

    private static func withSingleSlashes(_ path: Substring.UTF8View) -> String {
        let slash = UInt8(ascii: "/")
        guard zip(path, path.dropFirst()).contains(where: { $0 == slash && $1 == slash }) else {
            return String(Substring(path))
        }
        var bytes: [UInt8] = []
        for byte in path where byte != slash || bytes.last != slash { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func operation(at path: String) -> Operation? {
        guard path.utf8.starts(with: "/v1/".utf8) else { return nil }
        return Operation.allCases.first { path.utf8.dropFirst("/v1".utf8.count).elementsEqual($0.path.utf8) }
    }

    /// The ID in `/v1/me/requests/{id}`. Only a UUID is accepted, since it becomes part of a Redis key.
    private static func requestID(in path: String) -> String? {
        guard path.hasPrefix("/v1/me/requests/") else { return nil }
        let id = path.dropFirst("/v1/me/requests/".count).lowercased()
        let isUUID = id.utf8.count == 36 && id.utf8.allSatisfy { $0 == 0x2d || $0 &- 0x30 < 10 || $0 &- 0x61 < 6 }
        return isUUID ? id : nil
    }

    private static func only(_ allowed: String, _ method: String, _ endpoint: Endpoint) throws(GatewayError) -> Endpoint
    {
        guard method == allowed || allowed == "GET" && method == "HEAD" else {
            throw GatewayError(.methodNotAllowed, "This path takes \(allowed) only.", param: allowed)
        }
        return endpoint
    }

    private static let known = Operation.allCases.map(\.path) + ["/models", "/me"]

    private static func unknown(method: String, path: String) -> GatewayError {
        let shown = path.truncated(toBytes: 100)
        if known.contains(path) {
            return GatewayError(.notFound, "Unknown path \(shown). The base URL must end in /v1: call /v1\(path).")
        }
        return GatewayError(
            .notFound,
            "Unknown path \(method.truncated(toBytes: 16)) \(shown). Served are POST /v1/chat/completions, /v1/completions,"
                + " /v1/embeddings and /v1/images/generations; GET /v1/models, /v1/models/{id}, /v1/me and"
                + " /v1/me/requests/{id}.")
    }

    /// A model's name from a path, percent-decoded. Slashes may be escaped or not.
    private static func decoded(_ raw: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = raw.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next(), let low = rest.next(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
        }
        guard !bytes.isEmpty, bytes.count <= InferenceRequest.modelBytesMax else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
