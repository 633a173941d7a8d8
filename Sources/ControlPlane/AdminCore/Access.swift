/// Who calls the admin API, with which role, and on which orgs.
///
/// Made by `AdminService.access(for:)` alone, and passed to every call of the service and the stores that touches orgs,
/// keys or admin keys: the statements filter by its org.
package struct Access: Sendable, Equatable {
    package enum Caller: Sendable, Equatable {
        /// The admin token that the first start creates.
        case adminToken
        case adminKey(id: String)
    }

    package let caller: Caller
    package let role: Role
    /// The only org this access reaches; `nil` for the whole installation.
    package let org: String?

    static let adminToken = Access(caller: .adminToken, role: .operator, org: nil)

    private init(caller: Caller, role: Role, org: String?) {
        self.caller = caller
        self.role = role
        self.org = org
    }

    /// `nil` for a role that this release does not know, or one whose org does not fit it.
    init?(of key: AdminKeyEntry) {
        guard let role = Role(rawValue: key.role), role.isOfAnOrg == (key.orgID != nil) else { return nil }
        self.init(caller: .adminKey(id: key.id), role: role, org: key.orgID)
    }

    /// The name in the audit log: the admin key's id, or `admin` for the admin token.
    package var actor: String {
        switch caller {
        case .adminToken: "admin"
        case .adminKey(let id): id
        }
    }

    /// - Throws: `AdminError.forbidden`.
    package func require(_ permission: Permission) throws(AdminError) {
        guard role.permissions.contains(permission) else { throw .forbidden(permission, role) }
    }

    /// Refuses to give out, or to revoke, more rights than the caller has.
    ///
    /// - Throws: `AdminError.forbidden` for the first permission that is missing.
    func require(rightsOf other: Role) throws(AdminError) {
        for permission in Permission.allCases where other.permissions.contains(permission) { try require(permission) }
    }
}
