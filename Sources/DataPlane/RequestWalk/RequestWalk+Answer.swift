internal import Admission
package import GatewayModel
internal import KeyMaterial
internal import PlaneContract
internal import Routing

/// Headers and bodies of responses, errors included.
extension RequestWalk {
    /// Headers of every response: the request ID and the configuration version, plus CORS for browsers.
    var commonHeaders: HeaderBlock {
        let cors = head?.hasOrigin == true ? WalkWorld.corsLines : []
        var block = HeaderBlock(reserving: context.world.commonLines.count + cors.count + 512)
        block.add("x-request-id", context.id.text)
        block.add(context.world.commonLines)
        block.add(cors)
        return block
    }

    /// Headers of every model response: how the deployment was chosen, and what the key has left.
    var answerHeaders: HeaderBlock {
        var block = commonHeaders
        addRoute(to: &block)
        addCacheWords(to: &block)
        if relay.isMisnamed { block.add("x-aihub-model-check", "another-model") }
        if let admission = admitted?.admission {
            if let state = admission.requests {
                block.add("x-ratelimit-limit-requests", state.limit)
                block.add("x-ratelimit-remaining-requests", max(0, state.remaining))
                block.add("x-ratelimit-reset-requests", state.resetMs, unit: "ms")
            }
            if let state = admission.tokens {
                block.add("x-ratelimit-limit-tokens", state.limit)
                block.add("x-ratelimit-remaining-tokens", max(0, state.remaining))
                block.add("x-ratelimit-reset-tokens", state.resetMs, unit: "ms")
            }
        }
        return block
    }

    package func errorResponse(_ error: GatewayError) -> Response {
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

    mutating func answer(json: String, at now: Int64) {
        var headers = commonHeaders
        headers.add("content-type", "application/json")
        say(.respond(Response(status: 200, headers: headers, body: Array(json.utf8)), close: false))
        end(status: 200, outcome: nil, error: nil, at: now)
    }

    /// CORS preflight (Fetch §4.8): needs no key. The requested headers are echoed because a wildcard does not cover
    /// `authorization`.
    mutating func answerPreflight(at now: Int64) {
        var headers = commonHeaders
        if let head, head.hasOrigin {
            headers.add("access-control-allow-methods", "GET, POST, OPTIONS")
            headers.add("access-control-max-age", "86400")
            headers.add("access-control-allow-headers", head.corsHeaders ?? "authorization, content-type")
            headers.add("vary", "Access-Control-Request-Headers")
        }
        say(.respond(Response(status: 204, headers: headers, body: []), close: false))
        end(status: 204, outcome: nil, error: nil, at: now)
    }
}

/// The product's error body: `{"error":{"type":…,"message":…,"code":<HTTP status>,"param":…,"limit":{…}}}`.
enum ErrorBody {
    static func json(_ error: GatewayError) -> [UInt8] {
        var out = "{\"error\":{\"type\":\"\(error.kind.rawValue)\",\"message\":\(quoted(error.message))"
        out += ",\"code\":\(error.kind.status)"
        if let param = error.param { out += ",\"param\":\(quoted(param))" }
        if let limit = error.limit {
            out += ",\"limit\":{\(limit.members),\"reset_ms\":\(limit.resetMs)}"
        }
        return Array((out + "}}").utf8)
    }

    /// Redacts keys: messages quote the caller's input, and some callers put their key in the wrong place.
    private static func quoted(_ text: String) -> String { JSONText.quoted(HubKey.redacted(text)) }
}
