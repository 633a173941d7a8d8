import AdminCore
import AdminHTTP
import Foundation
import HTTPTypes
import Logging
import Testing

@Suite struct AccessTests {
    @Test("every role may do what the file says, and nothing else", arguments: AccessMatrix.rows)
    func matrix(row: AccessMatrix.Row) async throws {
        let scene = try await AccessScene()
        for (role, status) in row.expected {
            let objects = try await scene.objects(row)
            let answer = try await scene.send(row, objects, as: role)
            #expect(answer.status == status, "as \(role): \(String(decoding: answer.bytes, as: UTF8.self))")
            if status == 403 { _ = try answer.error(403, "insufficient_permission") }
        }
    }

    @Test(
        "what belongs to another org is answered in the bytes of what does not exist",
        arguments: AccessMatrix.rows.filter { $0.isOther && $0.expected.contains { $0.status == 404 } })
    func invisible(row: AccessMatrix.Row) async throws {
        let scene = try await AccessScene()
        for (role, _) in row.expected.filter({ $0.status == 404 }) {
            let objects = try await scene.objects(row)
            let missing = scene.missing(objects)
            let text = { (objects: [String: String]) in
                let answer = try await scene.send(row, objects, as: role)
                _ = try answer.error(404, "not_found")
                return objects.reduce(String(decoding: answer.bytes, as: UTF8.self)) {
                    $0.replacingOccurrences(of: $1.value, with: $1.key)
                }
            }
            #expect(try await text(objects) == text(missing))
        }
    }

    @Test("every route has a row in the table of permissions and one in the file, and there are no others")
    func everyRoute() async throws {
        let routes = AdminServer.routes(of: try await AdminPort().service, logger: Logger(label: "admin-tests"))
        #expect(routes == Set(RoutePermissions.table.keys))
        #expect(routes == Set(AccessMatrix.rows.map(\.route)))
    }

    @Test("lists show an org's admin key its own org alone", arguments: ["/orgs", "/keys", "/admin-keys"])
    func lists(path: String) async throws {
        let scene = try await AccessScene()
        for org in [scene.own, scene.other] { _ = try await scene.port.key(org: org) }
        _ = try await scene.port.adminKey("viewer", org: scene.other)
        let orgs = { (query: String, role: String) in
            let page = try await scene.port.send(.get, path + query, token: scene.token(role)).json
            let items = try #require(page["data"] as? [[String: Any]])
            return Set(items.map { ($0["org_id"] ?? $0["id"]) as? String })
        }
        #expect(try await orgs("", "owner") == [scene.own])
        #expect(try await orgs("", "support").isSuperset(of: [scene.own, scene.other]))
        guard path != "/orgs" else { return }
        #expect(try await orgs("?org_id=\(scene.other)", "owner") == [])
        #expect(try await orgs("?org_id=\(scene.other)", "support") == [scene.other])
    }
}
