internal import AdminCore
internal import Hummingbird

/// `/admin/v1/orgs`.
struct OrgRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("orgs", use: list)
        group.post("orgs", use: create)
        group.get("orgs/{id}", use: read)
        group.patch("orgs/{id}", use: edit)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (after, limit) = try request.page()
        let orgs = try await service.orgs(try context.access, after: after, limit: limit + 1)
        return AdminViews.page(orgs.prefix(limit).map { AdminViews.org($0) }, hasMore: orgs.count > limit)
            .response(status: 200)
    }

    @Sendable private func create(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(try await request.data(), allowed: ["name", "plan", "limits"])
        let org = try await service.createOrg(
            try context.access, name: try body.requiredText("name"), plan: try body.text("plan") ?? "free",
            limits: try body.limits().limits)
        return AdminViews.org(org).response(status: 201)
    }

    @Sendable private func read(_ request: Request, _ context: AdminContext) async throws -> Response {
        AdminViews.org(try await service.org(try context.access, try context.parameters.require("id")))
            .response(status: 200)
    }

    @Sendable private func edit(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(try await request.data(), allowed: ["name", "plan", "status", "limits"])
        let (limits, changedLimits) = try body.limits()
        let edit = Edit(
            name: try body.text("name"), plan: try body.text("plan"), status: try body.text("status"), limits: limits,
            changedLimits: changedLimits)
        let (org, pending) = try await service.editOrg(
            try context.access, try context.parameters.require("id"), edit)
        return AdminViews.org(org, pending: pending).response(inForceUnless: pending)
    }
}
