internal import AdminCore
internal import GatewayModel
internal import Hummingbird
internal import KeyMaterial

/// `/admin/v1/admin-keys` and `/admin/v1/me`.
struct AdminKeyRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("me", use: me)
        group.get("admin-keys", use: list)
        group.post("admin-keys", use: create)
        group.delete("admin-keys/{id}", use: revoke)
    }

    @Sendable private func me(_ request: Request, _ context: AdminContext) async throws -> Response {
        let access = try context.access
        return AdminViews.me(access, key: try await service.ownAdminKey(access)).response(status: 200)
    }

    @Sendable private func list(_ request: Request, _ context: AdminContext) async throws -> Response {
        let (after, limit) = try request.page()
        let org = request.uri.queryParameters["org_id"].map(String.init)
        let keys = try await service.adminKeys(try context.access, org: org, after: after, limit: limit + 1)
        return AdminViews.page(keys.prefix(limit).map { AdminViews.adminKey($0) }, hasMore: keys.count > limit)
            .response(status: 200)
    }

    @Sendable private func create(_ request: Request, _ context: AdminContext) async throws -> Response {
        let body = try BodyReader(try await request.data(), allowed: ["name", "role", "org_id", "expires_at"])
        let role = try body.requiredText("role")
        guard let known = Role(rawValue: role) else {
            throw AdminError.invalid(
                "'role' must be one of \(Role.allCases.map(\.rawValue).joined(separator: ", ")).", param: "role")
        }
        let draft = AdminKeyDraft(
            name: try body.requiredText("name"), role: known, orgID: try body.text("org_id"),
            expiresAt: try body.textChange("expires_at").applied(to: nil))
        let newKey = try await service.createAdminKey(try context.access, draft)
        return AdminViews.adminKey(newKey.entry, secret: newKey.key.secret.reveal()).response(status: 201)
    }

    @Sendable private func revoke(_ request: Request, _ context: AdminContext) async throws -> Response {
        let key = try await service.revokeAdminKey(try context.access, try context.parameters.require("id"))
        return AdminViews.adminKey(key).response(status: 200)
    }
}

extension AdminViews {
    static func adminKey(_ key: AdminKeyEntry, secret: String? = nil) -> JSONOutput {
        func optional(_ text: String?) -> JSONOutput { text.map { .text($0) } ?? .null }
        var members: [(String, JSONOutput)] = [
            ("id", .text(key.id)), ("object", .text("admin_key")), ("org_id", optional(key.orgID)),
            ("name", .text(key.name)), ("role", .text(key.role)), ("display", .text(key.display)),
            ("created_by", .text(key.createdBy)), ("created_at", .text(key.createdAt)),
            ("expires_at", optional(key.expiresAt)), ("last_used_at", optional(key.lastUsedAt)),
            ("revoked_at", optional(key.revokedAt)),
        ]
        if let secret { members.append(("key", .text(secret))) }
        return .object(members)
    }

    static func me(_ access: Access, key: AdminKeyEntry?) -> JSONOutput {
        .object([
            ("object", .text("me")), ("role", .text(access.role.rawValue)),
            ("org_id", access.org.map { .text($0) } ?? .null),
            ("permissions", .list(access.role.permissions.map(\.rawValue).sorted().map(JSONOutput.text))),
            ("admin_key", key.map { adminKey($0) } ?? .null),
        ])
    }
}
