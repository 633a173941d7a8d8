internal import AdminCore
internal import GatewayModel
internal import Hummingbird
internal import KeyMaterial

/// `/admin/v1/keys`.
struct KeyRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("keys", use: list)
        group.post("keys", use: create)
        group.get("keys/{id}", use: read)
        group.patch("keys/{id}", use: edit)
        group.post("keys/{id}/revoke", use: revoke)
        group.post("keys/{id}/rotate", use: rotate)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (after, limit) = try request.page()
        let org = request.uri.queryParameters["org_id"].map(String.init)
        let keys = try await service.keys(try context.access, org: org, after: after, limit: limit + 1)
        return AdminViews.page(keys.prefix(limit).map { AdminViews.key($0) }, hasMore: keys.count > limit)
            .response(status: 200)
    }

    @Sendable private func create(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(
            try await request.data(),
            allowed: ["org_id", "name", "expires_at", "allowed_models", "limits", "outage_policy", "cache_seconds"])
        let draft = KeyDraft(
            orgID: try body.requiredText("org_id"), name: try body.requiredText("name"),
            expiresAt: try body.textChange("expires_at").applied(to: nil),
            allowedModels: try body.listChange("allowed_models").applied(to: nil), limits: try body.limits().limits,
            outagePolicy: try body.textChange("outage_policy").applied(to: nil),
            cacheSeconds: try body.integerChange("cache_seconds", in: AdminService.cacheSeconds).applied(to: nil))
        let newKey = try await service.createKey(try context.access, draft)
        return AdminViews.key(newKey.entry, secret: newKey.key.secret.reveal()).response(status: 201)
    }

    @Sendable private func read(_ request: Request, _ context: AdminContext) async throws -> Response {
        AdminViews.key(try await service.key(try context.access, try context.parameters.require("id")))
            .response(status: 200)
    }

    @Sendable private func edit(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(
            try await request.data(),
            allowed: ["name", "expires_at", "allowed_models", "limits", "outage_policy", "cache_seconds"])
        let (limits, changedLimits) = try body.limits()
        let edit = Edit(
            name: try body.text("name"), expiresAt: try body.textChange("expires_at"),
            allowedModels: try body.listChange("allowed_models"),
            outagePolicy: try body.textChange("outage_policy"),
            cacheSeconds: try body.integerChange("cache_seconds", in: AdminService.cacheSeconds), limits: limits,
            changedLimits: changedLimits)
        let (key, pending) = try await service.editKey(
            try context.access, try context.parameters.require("id"), edit)
        return AdminViews.key(key, pending: pending).response(inForceUnless: pending)
    }

    @Sendable private func revoke(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (key, pending) = try await service.revokeKey(
            try context.access, try context.parameters.require("id"))
        return AdminViews.key(key, pending: pending).response(inForceUnless: pending)
    }

    @Sendable private func rotate(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(try await request.data(), allowed: ["overlap_seconds"], mayBeEmpty: true)
        let overlap = try body.integer("overlap_seconds", in: 0...AdminService.overlapSecondsMax, default: 0)
        let (newKey, pending) = try await service.rotateKey(
            try context.access, try context.parameters.require("id"), overlapSeconds: overlap)
        return AdminViews.key(newKey.entry, secret: newKey.key.secret.reveal(), pending: pending)
            .response(inForceUnless: pending)
    }
}
