/// The errors of the admin API, a closed list, each with its HTTP status.
package enum AdminError: Error, Sendable {
    case unauthorized
    /// Too many wrong tokens came from this address; the token was not looked up.
    case tooManyWrongTokens(retrySeconds: Int64)
    case notFound(String)
    /// The body does not match what the endpoint accepts.
    case invalid(String, param: String?)
    /// The request conflicts with the stored state.
    case conflict(String)
    /// PostgreSQL cannot be reached.
    case unavailable
    /// Every connection for long results is in use.
    case tooManyExports
    /// The state Redis cannot be reached, or has no configuration yet.
    case stateUnavailable

    /// The HTTP status.
    package var status: Int {
        switch self {
        case .unauthorized: 401
        case .notFound: 404
        case .conflict: 409
        case .invalid: 422
        case .tooManyWrongTokens: 429
        case .unavailable, .stateUnavailable, .tooManyExports: 503
        }
    }

    /// The `type` of the error body; a closed list.
    package var type: String {
        switch self {
        case .unauthorized: "invalid_admin_token"
        case .tooManyWrongTokens: "rate_limit_exceeded"
        case .notFound: "not_found"
        case .conflict: "conflict"
        case .invalid: "unprocessable_entity"
        case .unavailable: "database_unavailable"
        case .stateUnavailable: "state_unavailable"
        case .tooManyExports: "exports_busy"
        }
    }

    /// A sentence for the caller.
    package var message: String {
        switch self {
        case .unauthorized: "Send the admin token as 'Authorization: Bearer aihub-admin-…'."
        case .tooManyWrongTokens(let seconds):
            "Too many wrong tokens came from this address. Check the token, and retry in \(seconds) s."
        case .notFound(let what): "\(what) does not exist."
        case .conflict(let what), .invalid(let what, _): what
        case .stateUnavailable: "The state Redis cannot be reached right now, or has no configuration yet. Retry later."
        case .tooManyExports: "As many reports of usage as the gateway makes at once are being read. Retry later."
        case .unavailable: "The database cannot be reached right now. Nothing was changed; retry later."
        }
    }
}
