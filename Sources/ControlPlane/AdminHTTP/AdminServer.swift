package import AdminCore
internal import FoundationEssentials
package import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Logging
internal import NIOCore
internal import NIOSSL
package import Operations

/// The admin API over HTTP. Handlers decode, call the service and encode; `openapi.yaml` lists their responses.
package enum AdminServer {
    static let bodyBytesMax = 64 << 10

    private static let idleSeconds: Int64 = 75

    /// Limits on the use of the port.
    package struct Bounds: Sendable {
        package var connections: Int
        package var failedTokensPerMinute: Int

        /// - Parameters:
        ///   - connections: concurrent ones.
        ///   - failedTokensPerMinute: wrong tokens per address and minute; 0 for no limit.
        package init(connections: Int, failedTokensPerMinute: Int) {
            self.connections = connections
            self.failedTokensPerMinute = failedTokensPerMinute
        }
    }

    /// An application that serves `/admin/v1` when it is run.
    ///
    /// - Parameter tls: certificate and key, read once, so a new pair needs a restart; `nil` for plain HTTP.
    /// - Throws: when the files are not a valid pair.
    package static func make(
        host: String, port: Int, tls: TLSFiles?, bounds: Bounds, service: AdminService, logger: Logger
    ) throws -> some ApplicationProtocol {
        let tlsConfiguration = try tls.map { try configuration($0) }
        let bound = ConnectionBound(max: bounds.connections)
        let http1 = HTTP1Channel.Configuration(
            additionalChannelHandlers: [AdminConnection(bound: bound)], idleTimeout: .seconds(idleSeconds))
        return Application(
            router: router(service, failed: FailedTokens(perMinute: bounds.failedTokensPerMinute), logger: logger),
            server: try tlsConfiguration.map { try .tls(.http1(configuration: http1), tlsConfiguration: $0) }
                ?? .http1(configuration: http1),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: "aihub-control"),
            logger: logger)
    }

    private static func configuration(_ files: TLSFiles) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    /// The routes there are, named as in `RoutePermissions.table`, but for the description, which is open to all.
    package static func routes(of service: AdminService, logger: Logger) -> Set<String> {
        let all = router(service, failed: FailedTokens(perMinute: 0), logger: logger).routes
        return Set(all.map { RoutePermissions.row(method: $0.method.rawValue, path: $0.path.description) })
            .subtracting(["GET openapi.yaml"])
    }

    static func router(_ service: AdminService, failed: FailedTokens, logger: Logger) -> Router<AdminContext> {
        let router = Router(context: AdminContext.self)
        router.add(middleware: ErrorMiddleware(logger: logger))
        router.get("/admin/v1/openapi.yaml") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/yaml"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_yaml)))
        }
        let admin = router.group("/admin/v1").add(middleware: RequireAccess(service: service, failed: failed))
        AdminKeyRoutes(service: service).add(to: admin)
        OrgRoutes(service: service).add(to: admin)
        KeyRoutes(service: service).add(to: admin)
        RouteRoutes(service: service).add(to: admin)
        DeadLetterRoutes(service: service).add(to: admin)
        CatalogueRoutes(service: service).add(to: admin)
        PriceRoutes(service: service).add(to: admin)
        CatalogueFileRoutes(service: service).add(to: admin)
        UsageRoutes(service: service).add(to: admin)
        RequestRoutes(service: service).add(to: admin)
        admin.get("propagation") { _, _ in
            AdminViews.propagation(await service.pending()).response(status: 200)
        }
        return router
    }
}

/// Turns every error into the common error body.
///
/// One that is neither an `AdminError` nor an `HTTPResponseError` is logged and answered with 500, without its reason.
private struct ErrorMiddleware: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: AdminContext,
        next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as AdminError {
            var response = AdminViews.error(error).response(status: error.status)
            if case .tooManyWrongTokens(let seconds) = error { response.headers[.retryAfter] = String(seconds) }
            return response
        } catch let error as any HTTPResponseError {
            let shown: AdminError =
                error.status.code == 404 ? .notFound("This path") : .invalid("The request is malformed.", param: nil)
            return AdminViews.error(shown).response(status: error.status.code)
        } catch {
            logger.error("admin request failed", metadata: ["reason": "\(error)"])
            let body = JSONOutput.object([
                (
                    "error",
                    .object([
                        ("type", .text("internal_error")),
                        ("message", .text("The gateway failed to process this request. Its log has the reason.")),
                        ("code", .integer(500)),
                    ])
                )
            ])
            return body.response(status: 500)
        }
    }
}

extension JSONOutput {
    func response(status: Int) -> Response {
        Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
    }

    /// 200 when the change is in force on every worker, 202 while it is not yet.
    func response(inForceUnless pending: PendingPropagation?) -> Response {
        response(status: pending == nil ? 200 : 202)
    }
}

extension Request {
    /// The whole body.
    ///
    /// - Throws: `AdminError.invalid` when it exceeds `max` bytes.
    func data(upTo max: Int = AdminServer.bodyBytesMax) async throws -> Data {
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: max)
        } catch {
            throw AdminError.invalid("The body is larger than \(max) bytes.", param: nil)
        }
        return Data(buffer.readableBytesView)
    }

    /// The `after` and `limit` query parameters of a list.
    func page() throws -> (after: String?, limit: Int) {
        let after = uri.queryParameters["after"].map(String.init)
        guard let text = uri.queryParameters["limit"] else { return (after, 50) }
        guard let limit = Int(text), (1...AdminService.pageMax).contains(limit) else {
            throw AdminError.invalid(
                "'limit' must be a whole number from 1 to \(AdminService.pageMax).", param: "limit")
        }
        return (after, limit)
    }
}
