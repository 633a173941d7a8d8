import AdminCore
import Foundation
import HTTPTypes
import PlaneContract
import Synchronization
import Testing

@Suite struct CatalogueFileRoutesTests {
    @Test("the export is YAML")
    func export() async throws {
        let answer = try await AdminPort().send(.get, "/catalogue:export")
        #expect(answer.status == 200 && answer.headers[.contentType] == "application/yaml")
    }

    @Test("a load says what it changed, at most a thousand rows, and a dry run waits for nothing")
    func load() async throws {
        let port = try await AdminPort(pending: PendingPropagation(publication: true, workers: []))
        for (query, isDryRun, status) in [
            ("", false, 202), ("?dry_run=true", true, 200), ("?dry_run=false", false, 202),
        ] {
            let answer = try await port.send(.post, "/catalogue:load" + query, "models: []")
            #expect(answer.status == status)
            let shown = try answer.json
            #expect(shown["dry_run"] as? Bool == isDryRun && shown["has_more"] as? Bool == true)
            #expect((shown["changes"] as? [[String: Any]])?.count == AdminService.changesMax)
            #expect((shown["pending"] == nil) == isDryRun)
        }
        let loaded = port.stores.catalogue.state.withLock { $0.loaded }
        #expect(loaded.map(\.isDryRun) == [false, true, false] && loaded.allSatisfy { $0.text == "models: []" })
    }

    @Test("a load that says neither true nor false, or is too large, is not tried")
    func refused() async throws {
        let port = try await AdminPort()
        for (query, param) in [("?dry_run=1", "dry_run"), ("?dryrun=true", "dryrun")] {
            let error = try await port.send(.post, "/catalogue:load" + query, "").error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param)
        }
        for text in ["models: &m []", "models: *m", "*m"] {
            _ = try await port.send(.post, "/catalogue:load", text).error(422, "unprocessable_entity")
        }
        let large = String(repeating: "#", count: AdminService.catalogueBytesMax + 1)
        _ = try await port.send(.post, "/catalogue:load", large).error(422, "unprocessable_entity")
        #expect(port.stores.catalogue.state.withLock { $0.loaded.isEmpty })
        for path in ["/catalogue:export", "/catalogue:load"] {
            let method = path.hasSuffix("load") ? HTTPRequest.Method.post : .get
            _ = try await port.send(method, path, token: "").error(401, "invalid_admin_token")
        }
    }
}
