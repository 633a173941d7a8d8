internal import AdminCore
internal import Foundation
internal import Hummingbird

/// `/admin/v1/providers`, `credentials`, `models`, `deployments`, `aliases` and `plans`: the same four operations each.
struct CatalogueRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        for resource in CatalogueResource.allCases {
            let path = RouterPath(resource.path)
            let one = RouterPath(resource.path + "/{id}")
            group.get(path) { request, _ in try await list(resource, request) }
            group.post(path) { request, context in try await create(resource, request, context) }
            group.get(one) { _, context in try await read(resource, context) }
            group.patch(one) { request, context in try await edit(resource, request, context) }
        }
    }

    private func list(_ resource: CatalogueResource, _ request: Request) async throws -> Response {
        let (after, limit) = try request.page()
        let filter = try CatalogueFilter(request, of: resource)
        let entries = try await service.entries(of: resource, filter, after: after, limit: limit + 1)
        let shown = entries.prefix(limit).map { CatalogueViews.entry($0, of: resource) }
        return AdminViews.page(shown, hasMore: entries.count > limit).response(status: 200)
    }

    private func create(
        _ resource: CatalogueResource, _ request: Request, _ context: AdminContext
    ) async throws -> Response {
        let body = try CatalogueBody(try await request.data(), of: resource, creating: true)
        let (entry, pending) = try await service.createEntry(of: resource, body.columns, actor: context.catalogueActor)
        return CatalogueViews.entry(entry, of: resource, pending: pending).response(status: 201).tagged(entry.version)
    }

    private func read(_ resource: CatalogueResource, _ context: AdminContext) async throws -> Response {
        let entry = try await service.entry(of: resource, try context.entryID())
        return CatalogueViews.entry(entry, of: resource).response(status: 200).tagged(entry.version)
    }

    private func edit(
        _ resource: CatalogueResource, _ request: Request, _ context: AdminContext
    ) async throws -> Response {
        let body = try CatalogueBody(try await request.data(), of: resource, creating: false)
        let (entry, pending) = try await service.editEntry(
            of: resource, try context.entryID(), body.columns, versions: request.versionsToMatch(),
            actor: context.catalogueActor)
        return CatalogueViews.entry(entry, of: resource, pending: pending).response(inForceUnless: pending)
            .tagged(entry.version)
    }
}

extension CatalogueFilter {
    private static let paging: Set<String> = ["after", "limit", "q"]

    /// The filter of a list, by the query's parameters, of which none may be unknown: a mistyped one would show all.
    init(_ request: Request, of resource: CatalogueResource) throws {
        self.init()
        try request.requireParameters(Self.paging.union(resource.filters))
        text = request.uri.queryParameters["q"].map(String.init)
        for name in resource.filters {
            guard let value = request.uri.queryParameters[name[...]].map(String.init),
                let member = resource.member(name)
            else { continue }
            if case .flag = member.type {
                guard let flag = Bool(value) else {
                    throw AdminError.invalid("'\(name)' must be true or false.", param: name)
                }
                columns[member.column] = .flag(flag)
            } else {
                columns[member.column] = .text(value)
            }
        }
    }
}

extension AdminContext {
    /// Who the audit log says has changed the catalogue.
    var catalogueActor: String { "admin" }

    /// The id in the path, where a slash in it is written as `%2F`.
    func entryID() throws -> String {
        let raw = try parameters.require("id")
        guard let id = raw.removingPercentEncoding, !id.utf8.contains(0) else { throw AdminError.notFound("'\(raw)'") }
        return id
    }
}

extension Request {
    /// - Throws: `AdminError.invalid` for a parameter of the query that is not one of these.
    func requireParameters(_ allowed: Set<String>) throws {
        guard let unknown = uri.queryParameters.map(\.key).first(where: { !allowed.contains(String($0)) })
        else { return }
        throw AdminError.invalid(
            "'\(unknown)' is not a parameter of this list. Valid parameters: \(allowed.sorted().joined(separator: ", ")).",
            param: String(unknown))
    }

    /// The versions that `If-Match` names; `nil` when it matches any.
    ///
    /// A tag that is not one of ours, or a weak one, matches nothing.
    func versionsToMatch() -> Set<Int64>? {
        guard let header = headers[.ifMatch] else { return nil }
        let tags = header.split(separator: ",").map { $0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed() }
        let texts = tags.map { String($0) }
        if texts.contains("*") { return nil }
        return Set(
            texts.compactMap { text in
                guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
                return Int64(text.dropFirst().dropLast())
            })
    }
}

extension Response {
    /// With the version as its `ETag`.
    func tagged(_ version: Int64) -> Response {
        var response = self
        response.headers[.eTag] = "\"\(version)\""
        return response
    }
}
