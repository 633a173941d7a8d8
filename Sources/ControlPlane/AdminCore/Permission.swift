/// What a route of the admin API may ask of its caller. A closed list; raw values are the names callers see.
package enum Permission: String, Sendable, CaseIterable {
    /// Ask who one is.
    case meRead = "me:read"
    case orgsRead = "orgs:read"
    /// Change an org's name.
    case orgsRename = "orgs:rename"
    /// Create orgs; change their plan, status and limits, which decide what an org may spend.
    case orgsWrite = "orgs:write"
    case keysRead = "keys:read"
    case keysWrite = "keys:write"
    /// Choose what happens to a key's requests while the limiter is away: some policies admit them without its limits.
    case keysOutagePolicy = "keys:outage-policy"
    case adminKeysRead = "admin-keys:read"
    case adminKeysWrite = "admin-keys:write"
    /// Read what requests used and cost; in an org, those of the org.
    case usageRead = "usage:read"
    /// Read what belongs to no org: routes, dead letters.
    case installationRead = "installation:read"
    /// Change what belongs to no org.
    case installationWrite = "installation:write"
}

/// The role of a caller of the admin API.
package enum Role: String, Sendable, CaseIterable {
    // For the whole installation.
    case `operator`, support
    // Within one org.
    case owner, admin, developer, billing, viewer

    /// Whether the role belongs to an org; the others are for the whole installation.
    package var isOfAnOrg: Bool { self != .operator && self != .support }

    /// The table of permission × role.
    package var permissions: Set<Permission> {
        switch self {
        case .operator: Set(Permission.allCases)
        case .support: Self.readInOrg.union([.adminKeysRead, .installationRead])
        case .owner: Self.readInOrg.union([.orgsRename, .keysWrite, .adminKeysRead, .adminKeysWrite])
        case .admin: Self.readInOrg.union([.keysWrite, .adminKeysRead, .adminKeysWrite])
        case .developer: Self.readInOrg.union([.keysWrite])
        case .billing, .viewer: Self.readInOrg
        }
    }

    private static let readInOrg: Set<Permission> = [.meRead, .orgsRead, .keysRead, .usageRead]
}
