internal import AdminCore
internal import Hummingbird

/// `/admin/v1/dead-letters`: usage events that the ledger could not accept.
struct DeadLetterRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("dead-letters", use: list)
        group.post("dead-letters/{id}/retry", use: retry)
        group.post("dead-letters/{id}/dismiss", use: dismiss)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (after, limit) = try request.page()
        guard let start = after.map(Int64.init) ?? 0 else {
            throw AdminError.invalid("'after' must be the id of a dead letter.", param: "after")
        }
        let letters = try await service.deadLetters(after: start, limit: limit + 1)
        return AdminViews.page(letters.prefix(limit).map(AdminViews.deadLetter), hasMore: letters.count > limit)
            .response(status: 200)
    }

    @Sendable private func retry(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await resolve(context, as: .retried)
    }

    @Sendable private func dismiss(_ request: Request, _ context: AdminContext) async throws -> Response {
        try await resolve(context, as: .dismissed)
    }

    private func resolve(_ context: AdminContext, as resolution: DeadLetterEntry.Resolution) async throws -> Response {
        let letter = try await service.resolveDeadLetter(
            try context.parameters.require("id"), as: resolution, actor: try context.access.actor)
        return AdminViews.deadLetter(letter).response(status: 200)
    }
}

extension AdminViews {
    static func deadLetter(_ letter: DeadLetterEntry) -> JSONOutput {
        .object([
            ("id", .text(String(letter.id))), ("object", .text("dead_letter")), ("at", .text(letter.at)),
            ("shard", .integer(letter.shard)), ("entry_id", .text(letter.entryID)), ("kind", .text(letter.kind)),
            ("event", .text(letter.event)), ("reason", .text(letter.reason)),
            ("resolution", letter.resolution.map { .text($0) } ?? .null),
            ("resolved_at", letter.resolvedAt.map { .text($0) } ?? .null),
        ])
    }
}
