internal import AdminCore
internal import Hummingbird

/// `/admin/v1/prices`: a price that is or was in force stays, and a new one begins now or later.
struct PriceRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("prices", use: list)
        group.post("prices", use: create)
        group.get("prices/{id}", use: read)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (after, limit) = try request.page()
        try request.requireParameters(["after", "limit", "model", "at"])
        guard let start = after.map(Int64.init) ?? 0 else {
            throw AdminError.invalid("'after' must be the id of a price.", param: "after")
        }
        let at = request.uri.queryParameters["at"].map(String.init)
        if let at, !Instant.isValid(at) { throw AdminError.invalid("'at' \(Instant.rule)", param: "at") }
        let prices = try await service.prices(
            model: request.uri.queryParameters["model"].map(String.init), at: at, after: start, limit: limit + 1)
        return AdminViews.page(prices.prefix(limit).map { CatalogueViews.price($0) }, hasMore: prices.count > limit)
            .response(status: 200)
    }

    @Sendable private func create(_ request: Request, _ context: AdminContext) async throws -> Response {
        let draft = try PriceBody.draft(try await request.data())
        let (price, pending) = try await service.addPrice(draft, actor: context.catalogueActor)
        return CatalogueViews.price(price, pending: pending).response(status: 201)
    }

    @Sendable private func read(_ request: Request, _ context: AdminContext) async throws -> Response {
        CatalogueViews.price(try await service.price(try context.parameters.require("id"))).response(status: 200)
    }
}

/// A time as the API takes it: RFC 3339. PostgreSQL would also understand `tomorrow`.
enum Instant {
    static let rule = "must be a time such as 2027-01-01T00:00:00Z (RFC 3339)."

    static func isValid(_ text: String) -> Bool {
        let shape = text.map { $0.isASCII && $0.isNumber ? "0" : $0 }
        let start = Array("0000-00-00T00:00:00")
        guard shape.starts(with: start) else { return false }
        var rest = shape.dropFirst(start.count)
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0 == "0" }
            guard (1...6).contains(digits.count) else { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        return ["Z", "+00:00", "-00:00"].contains(String(rest))
    }
}
