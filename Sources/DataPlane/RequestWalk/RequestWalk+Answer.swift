internal import Admission
package import GatewayModel
internal import PlaneContract
internal import Routing

/// Headers and bodies of answers, errors included.
extension RequestWalk {
    /// On every answer: the id, CORS (browsers hide answers without it, errors too), the configuration in force.
    var commonHeaders: [(String, String)] {
        [
            ("x-request-id", context.id.text), ("x-aihub-config", String(context.table.version)),
            ("access-control-allow-origin", "*"), ("access-control-expose-headers", Self.exposed),
        ]
    }

    private static let exposed = [
        "x-request-id", "x-aihub-config", "x-aihub-cost-usd", "x-aihub-route", "retry-after", "retry-after-ms",
        "x-should-retry", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
    ].joined(separator: ", ")

    /// On every answer of an engine: how it was chosen, and what the key has left.
    var answerHeaders: [(String, String)] {
        var headers = commonHeaders
        if let attempt {
            headers.append(("x-aihub-route", "\(attempt.target.deployment.id); attempts=\(attemptsMade)"))
        }
        if let admission = admitted?.admission {
            headers += Self.rateHeaders("requests", admission.requests) + Self.rateHeaders("tokens", admission.tokens)
        }
        return headers
    }

    private static func rateHeaders(_ unit: String, _ state: RateState?) -> [(String, String)] {
        guard let state else { return [] }
        return [
            ("x-ratelimit-limit-\(unit)", String(state.limit)),
            ("x-ratelimit-remaining-\(unit)", String(max(0, state.remaining))),
            ("x-ratelimit-reset-\(unit)", "\(state.resetMs)ms"),
        ]
    }

    package func errorResponse(_ error: GatewayError) -> Response {
        var headers = commonHeaders + [("content-type", "application/json")]
        if let wait = error.retryAfterMs {
            headers += [("retry-after", String(max(1, (wait + 999) / 1000))), ("retry-after-ms", String(max(1, wait)))]
        }
        if let retry = error.shouldRetry ?? error.kind.shouldRetry { headers.append(("x-should-retry", String(retry))) }
        if error.kind == .invalidAPIKey { headers.append(("www-authenticate", "Bearer")) }
        if error.kind == .methodNotAllowed, let allowed = error.param { headers.append(("allow", allowed)) }
        return Response(status: error.kind.status, headers: headers, body: ErrorBody.json(error))
    }

    mutating func answer(json: String, at now: Int64) {
        let headers = commonHeaders + [("content-type", "application/json")]
        actions.append(.respond(Response(status: 200, headers: headers, body: Array(json.utf8)), close: false))
        end(status: 200, outcome: nil, error: nil, at: now)
    }

    /// CORS preflight (Fetch §4.8): no key, the asked headers reflected because a wildcard leaves out `authorization`.
    mutating func answerPreflight(at now: Int64) {
        var headers = commonHeaders
        headers += [
            ("access-control-allow-methods", "GET, POST, OPTIONS"), ("access-control-max-age", "86400"),
            ("access-control-allow-headers", head?.corsHeaders ?? "authorization, content-type"),
            ("vary", "Access-Control-Request-Headers"),
        ]
        actions.append(.respond(Response(status: 204, headers: headers, body: []), close: false))
        end(status: 204, outcome: nil, error: nil, at: now)
    }
}

/// The error body of the product: `{"error":{"type":…,"message":…,"code":<HTTP status>,"param":…,"limit":{…}}}`.
enum ErrorBody {
    static func json(_ error: GatewayError) -> [UInt8] {
        var out = "{\"error\":{\"type\":\"\(error.kind.rawValue)\",\"message\":\(JSONText.quoted(error.message))"
        out += ",\"code\":\(error.kind.status)"
        if let param = error.param { out += ",\"param\":\(JSONText.quoted(param))" }
        if let limit = error.limit {
            out += ",\"limit\":{\"scope\":\"\(limit.scope)\",\"name\":\"\(limit.name)\",\"limit\":\"\(limit.limit)\""
            out += ",\"used\":\"\(limit.used)\",\"reserved\":\"\(limit.reserved)\",\"reset_ms\":\(limit.resetMs)}"
        }
        return Array((out + "}}").utf8)
    }
}
