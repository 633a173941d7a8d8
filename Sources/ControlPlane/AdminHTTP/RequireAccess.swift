internal import AdminCore
internal import Hummingbird

/// Finds out who calls, refuses unknown callers and those whose role may not use the route, and hands the `Access` on.
struct RequireAccess: RouterMiddleware {
    let service: AdminService
    let failed: FailedTokens

    func handle(
        _ request: Request, context: AdminContext,
        next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let access = try await authenticate(request, context)
        try access.require(
            RoutePermissions.permission(method: request.method.rawValue, path: context.endpointPath ?? ""))
        var context = context
        context.identity = access
        return try await next(request, context)
    }

    private func authenticate(_ request: Request, _ context: AdminContext) async throws -> Access {
        guard let value = request.headers[.authorization], value.hasPrefix("Bearer ") else {
            throw AdminError.unauthorized
        }
        let token = String(value.dropFirst("Bearer ".count))
        if let waitMs = failed.waitMs(token, from: context.network) {
            throw AdminError.tooManyWrongTokens(retrySeconds: (waitMs + 999) / 1000)
        }
        guard let access = try await service.access(for: token) else {
            failed.recordFailure(token, from: context.network)
            throw AdminError.unauthorized
        }
        failed.recordSuccess(token)
        return access
    }
}
