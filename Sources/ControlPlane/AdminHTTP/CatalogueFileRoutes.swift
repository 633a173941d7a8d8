internal import AdminCore
internal import Hummingbird
internal import NIOCore

/// `/admin/v1/catalogue:export` and `catalogue:load`: the catalogue as one file.
struct CatalogueFileRoutes {
    let service: AdminService

    func add(to group: RouterGroup<AdminContext>) {
        group.get("catalogue:export", use: export)
        group.post("catalogue:load", use: load)
    }

    @Sendable private func export(_ request: Request, _ context: AdminContext) async throws -> Response {
        let text = try await service.exportCatalogue()
        return Response(
            status: .ok, headers: [.contentType: "application/yaml"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    @Sendable private func load(_ request: Request, _ context: AdminContext) async throws -> Response {
        try request.requireParameters(["dry_run"])
        let text = request.uri.queryParameters["dry_run"].map(String.init) ?? "false"
        guard let isDryRun = Bool(text) else {
            throw AdminError.invalid("'dry_run' must be true or false.", param: "dry_run")
        }
        let data = try await request.data(upTo: AdminService.catalogueBytesMax)
        guard let file = String(validating: data, as: UTF8.self) else {
            throw AdminError.invalid("The catalogue is not UTF-8.", param: nil)
        }
        guard !CatalogueText.mayUseAliases(file) else {
            throw AdminError.invalid(
                "The catalogue has a word that begins with '&' or '*', as YAML's anchors and aliases do, which are not accepted. Quote it.",
                param: nil)
        }
        let (changes, pending) = try await service.loadCatalogue(
            file, isDryRun: isDryRun, actor: try context.access.actor)
        return CatalogueViews.load(changes, isDryRun: isDryRun, pending: pending).response(inForceUnless: pending)
    }
}

extension CatalogueViews {
    static func load(
        _ changes: [CatalogueChange], isDryRun: Bool, pending: PendingPropagation?
    ) -> JSONOutput {
        let shown = changes.prefix(AdminService.changesMax).map { change in
            JSONOutput.object([
                ("action", .text(change.action)), ("subject", .text(change.subject)),
                ("subject_id", .text(change.subjectID)), ("before", change.before?.output ?? .null),
                ("after", change.after?.output ?? .null),
            ])
        }
        var members: [(String, JSONOutput)] = [
            ("object", .text("catalogue_load")), ("dry_run", .bool(isDryRun)), ("changes", .list(shown)),
            ("has_more", .bool(changes.count > shown.count)),
        ]
        if let pending { members.append(("pending", AdminViews.pending(pending))) }
        return .object(members)
    }
}
