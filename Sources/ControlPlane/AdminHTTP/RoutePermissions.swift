package import AdminCore

/// The table of route → permission. A unit test compares it with the routes there are.
package enum RoutePermissions {
    static let prefix = "/admin/v1/"

    /// By method and path below the prefix, as they are routed.
    package static let table = inOrgs.merging(catalogue) { first, _ in first }

    private static let inOrgs: [String: Permission] = [
        "GET me": .meRead,
        // Whether one's own change is in force; it names workers and no org.
        "GET propagation": .meRead,
        "GET orgs": .orgsRead,
        "POST orgs": .orgsWrite,
        "GET orgs/{id}": .orgsRead,
        // Other members than the name need .orgsWrite (AdminService.editOrg).
        "PATCH orgs/{id}": .orgsRename,
        "GET keys": .keysRead,
        "POST keys": .keysWrite,
        "GET keys/{id}": .keysRead,
        "PATCH keys/{id}": .keysWrite,
        "POST keys/{id}/revoke": .keysWrite,
        "POST keys/{id}/rotate": .keysWrite,
        "GET admin-keys": .adminKeysRead,
        "POST admin-keys": .adminKeysWrite,
        "DELETE admin-keys/{id}": .adminKeysWrite,
        "GET usage": .usageRead,
        "GET costs": .usageRead,
        "GET requests": .usageRead,
        "GET requests/{id}": .usageRead,
        "POST routes:explain": .installationRead,
        "GET dead-letters": .installationRead,
        "POST dead-letters/{id}/retry": .installationWrite,
        "POST dead-letters/{id}/dismiss": .installationWrite,
    ]

    /// Plans, providers, models and prices belong to no org.
    private static let catalogue: [String: Permission] = {
        var table: [String: Permission] = [
            "GET prices": .installationRead,
            "POST prices": .installationWrite,
            "GET prices/{id}": .installationRead,
            "GET catalogue:export": .installationRead,
            "POST catalogue:load": .installationWrite,
        ]
        for path in CatalogueResource.allCases.map(\.path) {
            table["GET \(path)"] = .installationRead
            table["POST \(path)"] = .installationWrite
            table["GET \(path)/{id}"] = .installationRead
            table["PATCH \(path)/{id}"] = .installationWrite
        }
        return table
    }()

    /// - Parameter path: the pattern of the route, such as `/admin/v1/keys/{id}`.
    /// - Returns: for a route without a row, what only operators have.
    static func permission(method: String, path: String) -> Permission {
        table[row(method: method, path: path)] ?? .installationWrite
    }

    static func row(method: String, path: String) -> String { "\(method) \(path.dropFirst(prefix.count))" }
}
