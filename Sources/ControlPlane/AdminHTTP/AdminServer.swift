package import AdminCore
internal import FoundationEssentials
package import Hummingbird
internal import HummingbirdTLS
package import Logging
internal import NIOSSL
package import Operations

/// The admin API over HTTP. Handlers decode, call the service and encode; what they may answer is in `openapi.yaml`.
package enum AdminServer {
    static let bodyBytesMax = 64 << 10

    private static let idleSeconds: Int64 = 75

    /// - Parameter tls: certificate and key; they are read once, so a new pair takes a restart.
    /// - Throws: when the files are no usable pair.
    package static func make(
        host: String, port: Int, tls: TLSFiles?, service: AdminService, logger: Logger
    ) throws -> some ApplicationProtocol {
        let encrypted = try tls.map { try configuration($0) }
        return Application(
            router: router(service, logger: logger),
            server: try encrypted.map {
                try .tls(.http1(configuration: .init(idleTimeout: .seconds(idleSeconds))), tlsConfiguration: $0)
            } ?? .http1(configuration: .init(idleTimeout: .seconds(idleSeconds))),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "aihub-control"),
            logger: logger)
    }

    private static func configuration(_ files: TLSFiles) throws -> TLSConfiguration {
        var made = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
        made.minimumTLSVersion = .tlsv12
        return made
    }

    static func router(_ service: AdminService, logger: Logger) -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: ErrorShape(logger: logger))
        router.get("/admin/v1/openapi.yaml") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
        }
        let admin = router.group("/admin/v1").add(middleware: RequireAdmin(service: service))
        OrgRoutes(service: service).add(to: admin)
        KeyRoutes(service: service).add(to: admin)
        RouteRoutes(service: service).add(to: admin)
        admin.get("propagation") { _, _ in
            AdminViews.propagation(await service.pending()).response(status: 200)
        }
        return router
    }
}

/// Turns every failure into the one error shape, and logs what is not the caller's fault.
private struct ErrorShape: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as AdminError {
            return AdminViews.error(error).response(status: error.status)
        } catch let error as any HTTPResponseError {
            let shown: AdminError =
                error.status.code == 404 ? .notFound("This path") : .invalid("The request cannot be read.", param: nil)
            return AdminViews.error(shown).response(status: error.status.code)
        } catch {
            logger.error("admin request failed", metadata: ["reason": "\(error)"])
            let body = JSONOutput.object([
                (
                    "error",
                    .object([
                        ("type", .text("internal_error")), ("message", .text("Something went wrong here.")),
                        ("code", .integer(500)),
                    ])
                )
            ])
            return body.response(status: 500)
        }
    }
}

private struct RequireAdmin: RouterMiddleware {
    let service: AdminService

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let value = request.headers[.authorization], value.hasPrefix("Bearer "),
            try await service.isAdmin(String(value.dropFirst("Bearer ".count)))
        else { throw AdminError.unauthorized }
        return try await next(request, context)
    }
}

extension JSONOutput {
    func response(status: Int) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
    }

    /// 200 when the change is in force on every worker, 202 while something is awaited.
    func response(inForceUnless pending: PendingPropagation?) -> Response {
        response(status: pending == nil ? 200 : 202)
    }
}

extension Request {
    /// The whole body, bounded.
    func data() async throws -> Data {
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: AdminServer.bodyBytesMax)
        } catch {
            throw AdminError.invalid("The body is larger than \(AdminServer.bodyBytesMax) bytes.", param: nil)
        }
        return Data(buffer.readableBytesView)
    }

    /// `after` and `limit` of a list.
    func page() throws -> (after: String?, limit: Int) {
        let after = uri.queryParameters["after"].map(String.init)
        guard let text = uri.queryParameters["limit"] else { return (after, 50) }
        guard let limit = Int(text), (1...AdminService.pageMax).contains(limit) else {
            throw AdminError.invalid("'limit' must be 1 to \(AdminService.pageMax).", param: "limit")
        }
        return (after, limit)
    }
}
