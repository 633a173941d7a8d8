internal import AdminCore
internal import FoundationEssentials
internal import GatewayModel
internal import PlaneContract

/// Entities as the API returns them. Members are always present; null means "none".
enum AdminViews {
    static func org(_ org: Org, pending: PendingPropagation? = nil) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("id", .text(org.id)), ("object", .text("org")), ("name", .text(org.name)), ("plan", .text(org.plan)),
            ("status", .text(org.status)), ("limits", limits(org.limits)), ("version", .integer(org.version)),
            ("created_at", .text(org.createdAt)),
        ]
        if let pending { members.append(("pending", Self.pending(pending))) }
        return .object(members)
    }

    static func key(_ key: KeyEntry, secret: String? = nil, pending: PendingPropagation? = nil) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("id", .text(key.id)), ("object", .text("key")), ("org_id", .text(key.orgID)), ("name", .text(key.name)),
            ("display", .text(key.display)), ("status", .text(key.status)), ("expires_at", optional(key.expiresAt)),
            ("allowed_models", key.allowedModels.map { .list($0.map(JSONOutput.text)) } ?? .null),
            ("limits", limits(key.limits)), ("version", .integer(key.version)), ("created_at", .text(key.createdAt)),
            ("revoked_at", optional(key.revokedAt)), ("outage_policy", optional(key.outagePolicy)),
            ("overlap_ends_at", optional(key.overlapEndsAt)),
            ("cache_seconds", key.cacheSeconds.map { .integer($0) } ?? .null),
        ]
        if let secret { members.append(("key", .text(secret))) }
        if let pending { members.append(("pending", Self.pending(pending))) }
        return .object(members)
    }

    static func propagation(_ pending: PendingPropagation?) -> JSONOutput {
        .object([("object", .text("propagation")), ("pending", pending.map(Self.pending) ?? .null)])
    }

    static func pending(_ pending: PendingPropagation) -> JSONOutput {
        .object([
            ("publication", .bool(pending.publication)), ("workers", .list(pending.workers.map(JSONOutput.text))),
        ])
    }

    static func page(_ items: [JSONOutput], hasMore: Bool) -> JSONOutput {
        .object([("object", .text("list")), ("data", .list(items)), ("has_more", .bool(hasMore))])
    }

    static func error(_ error: AdminError) -> JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("type", .text(error.type)), ("message", .text(error.message)), ("code", .integer(Int64(error.status))),
        ]
        if case .invalid(_, let param?) = error { members.append(("param", .text(param))) }
        if case .invalidMembers(let errors) = error { members += memberErrors(errors) }
        return .object([("error", .object(members))])
    }

    private static func limits(_ limits: ScopeLimits) -> JSONOutput {
        func count(_ value: Int64?) -> JSONOutput { value.map { .integer($0) } ?? .null }
        return .object([
            ("requests_per_minute", count(limits.requestsPerMinute)),
            ("tokens_per_minute", count(limits.tokensPerMinute)),
            ("concurrent_requests", count(limits.concurrentRequests)),
            ("requests_per_day", count(limits.requestsPerDay)),
            ("requests_per_month", count(limits.requestsPerMonth)),
            ("usd_per_day", optional(limits.perDay?.decimalUSD)),
            ("usd_per_month", optional(limits.perMonth?.decimalUSD)),
        ])
    }

    private static func optional(_ text: String?) -> JSONOutput { text.map { .text($0) } ?? .null }
}

/// JSON that keeps its members in order.
indirect enum JSONOutput {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A finite number, rounded to four decimals.
    case number(Double)
    case text(String)
    case list([JSONOutput])
    case object([(String, JSONOutput)])

    var json: String {
        switch self {
        case .null: "null"
        case .bool(let value): String(value)
        case .integer(let value): String(value)
        case .number(let value): value.isFinite ? String((value * 10_000).rounded() / 10_000) : "null"
        case .text(let value): JSONText.quoted(value)
        case .list(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { JSONText.quoted($0) + ":" + $1.json }.joined(separator: ",") + "}"
        }
    }
}
