import AdminCore
import AdminHTTP
import Foundation
import HTTPTypes
import Hummingbird
import KeyMaterial
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

/// The admin API without its sockets: requests go to the router as the server would hand them over.
struct AdminPort {
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let bytes: [UInt8]

        var json: [String: Any] {
            get throws {
                try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
            }
        }

        /// The error, after a check of its shape.
        func error(_ status: Int, _ type: String) throws -> [String: Any] {
            #expect(self.status == status)
            #expect(headers[.contentType] == "application/json")
            #expect(try json.keys.sorted() == ["error"])
            let error = try #require(try json["error"] as? [String: Any])
            #expect(error["type"] as? String == type)
            #expect(error["code"] as? Int == status)
            #expect((error["message"] as? String)?.isEmpty == false)
            #expect(Set(error.keys).isSubset(of: ["type", "code", "message", "param", "errors"]))
            return error
        }
    }

    let stores = MemoryStores()
    let service: AdminService
    let token: String
    private let ask: @Sendable (Request) async throws -> Response

    /// - Parameters:
    ///   - pending: what keeps every change from being in force.
    ///   - failedTokensPerMinute: 0 for no limit.
    init(pending: PendingPropagation? = nil, failedTokensPerMinute: Int = 0) async throws {
        let pepper = SecretFile(versions: [.init(number: 1, bytes: Array(repeating: 7, count: 32))])
        service = AdminService(
            stores: stores, digester: { KeyDigester(peppers: pepper) },
            explainer: ExplainedRoutes.explain,
            propagation: { _ in pending })
        token = try #require(try await service.makeAdminToken(replacing: false))
        let app = try AdminServer.make(
            host: "127.0.0.1", port: 0, tls: nil,
            bounds: .init(connections: 1, failedTokensPerMinute: failedTokensPerMinute), service: service,
            logger: Logger(label: "admin-tests"))
        ask = try await Self.asking(app)
    }

    private static func asking<App: ApplicationProtocol>(
        _ app: App
    ) async throws -> @Sendable (Request) async throws -> Response {
        let responder = try await app.responder
        return { request in
            let source = ApplicationRequestContextSource(
                channel: EmbeddedChannel(), logger: Logger(label: "admin-tests"))
            return try await responder.respond(to: request, context: App.Context(source: source))
        }
    }

    /// - Parameter token: `nil` for the admin token, empty for no header.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String = "", token: String? = nil,
        headers: HTTPFields = HTTPFields()
    ) async throws -> Answer {
        var headers = headers
        let token = token ?? self.token
        if !token.isEmpty { headers[.authorization] = "Bearer \(token)" }
        let head = HTTPRequest(
            method: method, scheme: "http", authority: "localhost", path: "/admin/v1\(path)", headerFields: headers)
        let response = try await ask(Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body))))
        let collected = CollectedBody()
        try await response.body.write(collected)
        return Answer(status: response.status.code, headers: response.headers, bytes: collected.all)
    }

    /// A new org's id.
    func org(_ name: String = "test") async throws -> String {
        let answer = try await send(.post, "/orgs", #"{"name":"\#(name)"}"#)
        return try #require(try answer.json["id"] as? String)
    }

    /// A new admin key.
    ///
    /// - Parameters:
    ///   - org: `nil` for the whole installation.
    ///   - maker: the token that asks for it; `nil` for the admin token.
    func adminKey(_ role: String, org: String?, maker: String? = nil) async throws -> (id: String, secret: String) {
        let owner = org.map { #","org_id":"\#($0)""# } ?? ""
        let made = try await send(.post, "/admin-keys", #"{"name":"test","role":"\#(role)"\#(owner)}"#, token: maker)
        return (try #require(try made.json["id"] as? String), try #require(try made.json["key"] as? String))
    }

    /// A new key as the API shows it, once with its secret.
    func key(org: String? = nil) async throws -> (id: String, secret: String) {
        let owner = if let org { org } else { try await self.org() }
        let made = try await send(.post, "/keys", #"{"org_id":"\#(owner)","name":"test"}"#).json
        return (try #require(made["id"] as? String), try #require(made["key"] as? String))
    }
}

private final class CollectedBody: ResponseBodyWriter {
    private let bytes = Mutex<[UInt8]>([])

    var all: [UInt8] { bytes.withLock { $0 } }

    func write(_ buffer: ByteBuffer) async throws { bytes.withLock { $0.append(contentsOf: buffer.readableBytesView) } }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
