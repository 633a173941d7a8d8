internal import AdminCore
internal import GatewayModel
internal import Hummingbird
internal import PlaneContract
internal import Routing

/// `/admin/v1/routes:explain`.
struct RouteRoutes {
    private static let inputTokensMax: Int64 = 1_000_000_000

    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) { group.post("routes:explain", use: explain) }

    @Sendable private func explain(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(
            try await request.data(), allowed: ["model", "key_id", "vision", "tools", "input_tokens"])
        let facts = RouteFacts(
            hasImages: try body.flag("vision"), hasTools: try body.flag("tools"),
            inputTokens: try body.integer("input_tokens", in: 0...Self.inputTokensMax, default: 0))
        let question = RouteQuestion(
            model: try body.requiredText("model"), keyID: try body.text("key_id"), facts: facts)
        return RouteViews.explanation(try await service.explain(try context.access, question)).response(status: 200)
    }
}

/// Route explanations as the API returns them.
enum RouteViews {
    static func explanation(_ explanation: RouteExplanation) -> JSONOutput {
        .object([
            ("object", .text("route_explanation")), ("model", .text(explanation.requested)),
            ("objective", explanation.objective.map(objective) ?? .null), ("reason", .text(explanation.reason.text)),
            ("panic", .bool(explanation.isPanic)),
            ("refusal", explanation.refusal.map { .text($0.detail.isEmpty ? $0.message : $0.detail) } ?? .null),
            (
                "candidates",
                .list(
                    explanation.candidates.enumerated().map { place, each in
                        candidate(each, isPlanned: place < RoutePlan.attemptsMax)
                    })
            ),
            (
                "exclusions",
                .list(
                    explanation.excluded.map { exclusion in
                        .object([
                            ("model", .text(exclusion.model)),
                            ("deployment", exclusion.deployment.map { .text($0) } ?? .null),
                            ("reason", .text(exclusion.reason.rawValue)),
                        ])
                    })
            ),
        ])
    }

    private static func objective(_ weights: Objective) -> JSONOutput {
        .object([
            ("latency", .number(weights.latency)), ("speed", .number(weights.speed)), ("cost", .number(weights.cost)),
            ("uptime", .number(weights.uptime)),
        ])
    }

    private static func candidate(_ each: RouteExplanation.Candidate, isPlanned: Bool) -> JSONOutput {
        let availability: (String, JSONOutput) =
            switch each.availability {
            case .ready: ("ready", .null)
            case .probeDue: ("probe_due", .null)
            case .out(let reason, _): ("out", .text(reason))
            }
        return .object([
            ("deployment", .text(each.target.deployment.id)), ("model", .text(each.target.model.name)),
            ("provider", .text(each.target.deployment.provider)), ("planned", .bool(isPlanned)),
            ("rank", .list(each.rank.map { .integer(Int64($0)) })), ("weight", .integer(Int64(each.weight))),
            ("standing", .text(availability.0)), ("out_because", availability.1),
            ("first_token_ms", optional(each.firstTokenMs)),
            ("tokens_per_second", optional(each.health.stats.tokensPerSecond)),
            ("error_rate", .number(each.errorRate)), ("samples", .integer(each.health.stats.samples)),
            ("usd_per_million_tokens", .number(each.blendedPrice / 1_000_000_000)),
            ("score", each.score.map(score) ?? .null),
        ])
    }

    private static func score(_ score: Score) -> JSONOutput {
        .object([
            ("total", .number(score.total)), ("latency", .number(score.latency)), ("speed", .number(score.speed)),
            ("cost", .number(score.cost)), ("uptime", .number(score.uptime)),
        ])
    }

    private static func optional(_ value: Double?) -> JSONOutput { value.map { .number($0) } ?? .null }
}
