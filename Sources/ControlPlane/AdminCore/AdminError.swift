/// The errors of the admin API, a closed list, each with its HTTP status.
package enum AdminError: Error, Sendable {
    case unauthorized
    /// The caller's role does not have this permission.
    case forbidden(Permission, Role)
    /// Too many wrong tokens came from this address; the token was not looked up.
    case tooManyWrongTokens(retrySeconds: Int64)
    case notFound(String)
    /// The body does not match what the endpoint accepts.
    case invalid(String, param: String?)
    /// Members of the body break rules; there is at least one.
    case invalidMembers([MemberError])
    /// The object is not the version that the request's `If-Match` names.
    case versionMismatch(String)
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
        case .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .versionMismatch: 412
        case .invalid, .invalidMembers: 422
        case .tooManyWrongTokens: 429
        case .unavailable, .stateUnavailable, .tooManyExports: 503
        }
    }

    /// The `type` of the error body; a closed list.
    package var type: String {
        switch self {
        case .unauthorized: "invalid_admin_token"
        case .forbidden: "insufficient_permission"
        case .tooManyWrongTokens: "rate_limit_exceeded"
        case .notFound: "not_found"
        case .conflict: "conflict"
        case .versionMismatch: "precondition_failed"
        case .invalid, .invalidMembers: "unprocessable_entity"
        case .unavailable: "database_unavailable"
        case .stateUnavailable: "state_unavailable"
        case .tooManyExports: "exports_busy"
        }
    }

    /// The `message` of the error body: text for the caller, in one or more sentences.
    package var message: String {
        switch self {
        case .unauthorized:
            "Send the admin token or an admin key as 'Authorization: Bearer aihub-admin-…' or 'Bearer sk-hub-admin-…'."
        case .forbidden(let permission, let role):
            "This needs the permission '\(permission.rawValue)', which the role '\(role.rawValue)' does not have."
        case .tooManyWrongTokens(let seconds):
            "Too many wrong tokens came from this address. Check the token, and retry in \(seconds) s."
        case .notFound(let what): "\(what) does not exist."
        case .conflict(let what), .invalid(let what, _): what
        case .invalidMembers(let errors): errors.map(\.message).joined(separator: " ")
        case .versionMismatch(let what):
            "\(what) has changed since you read it: its version is not the one in If-Match. Read it again."
        case .stateUnavailable: "The state Redis cannot be reached right now, or has no configuration yet. Retry later."
        case .tooManyExports: "As many reports of usage as the gateway makes at once are being read. Retry later."
        case .unavailable: "The database cannot be reached right now. Nothing was changed; retry later."
        }
    }
}

/// Why a member of a body is refused.
package struct MemberError: Sendable, Equatable {
    /// The member's path, such as `limits.usd_per_day`; `nil` when no single member is at fault.
    package var param: String?
    package var message: String

    package init(param: String?, message: String) {
        self.param = param
        self.message = message
    }
}
