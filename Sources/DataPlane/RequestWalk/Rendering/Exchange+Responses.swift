internal import GatewayModel

/// Complete responses, errors included.
extension Exchange {
    /// Headers of every response: the request ID and the configuration version, plus CORS for browsers.
    var commonHeaders: HeaderBlock {
        let cors = hasOrigin ? WalkWorld.corsLines : []
        var block = HeaderBlock(reserving: context.world.commonLines.count + cors.count + 512)
        block.add("x-request-id", context.id.text)
        block.add(context.world.commonLines)
        block.add(cors)
        return block
    }

    func errorResponse(_ error: GatewayError) -> Response {
        var block = commonHeaders
        block.add("content-type", "application/json")
        if let wait = error.retryAfterMs {
            block.add("retry-after", max(1, (wait + 999) / 1000))
            block.add("retry-after-ms", max(1, wait))
        }
        if let retry = error.shouldRetry ?? error.kind.shouldRetry { block.add("x-should-retry", "\(retry)") }
        if error.kind == .invalidAPIKey { block.add("www-authenticate", "Bearer") }
        if error.kind == .methodNotAllowed, let allowed = error.param { block.add("allow", allowed) }
        var response = Response(status: error.kind.status, headers: block, body: ErrorBody.json(error))
        if error.isShed { response.restMs = min(error.retryAfterMs ?? 0, context.world.bounds.shedRestMsMax) }
        return response
    }

    mutating func send(json: String) {
        var headers = commonHeaders
        headers.add("content-type", "application/json")
        send(.respond(Response(status: 200, headers: headers, body: Array(json.utf8)), close: false))
    }

    /// CORS preflight (Fetch §4.8): needs no key. The requested headers are echoed because a wildcard does not cover
    /// `authorization`.
    mutating func sendPreflight(corsHeaders: String?) {
        var headers = commonHeaders
        if hasOrigin {
            headers.add("access-control-allow-methods", "GET, POST, OPTIONS")
            headers.add("access-control-max-age", "86400")
            headers.add("access-control-allow-headers", corsHeaders ?? "authorization, content-type")
            headers.add("vary", "Access-Control-Request-Headers")
        }
        send(.respond(Response(status: 204, headers: headers, body: []), close: false))
    }
}
