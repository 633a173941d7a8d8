import AdminCore
import Foundation
import HTTPTypes
import Testing

@Suite struct DeadLetterRoutesTests {
    @Test("lists those that wait, by the number of their ids")
    func list() async throws {
        let port = try await AdminPort()
        for id in [10, 9, 11] as [Int64] { port.stores.addDeadLetter(id) }
        #expect(try await port.send(.post, "/dead-letters/9/dismiss").status == 200)
        let page = try await port.send(.get, "/dead-letters?limit=1").json
        let first = try #require((page["data"] as? [[String: Any]])?.first)
        #expect(first["id"] as? String == "10")
        #expect(first["resolution"] is NSNull)
        #expect(page["has_more"] as? Bool == true)
        let rest = try await port.send(.get, "/dead-letters?limit=1&after=10").json
        #expect((rest["data"] as? [[String: Any]])?.first?["id"] as? String == "11")
        #expect(rest["has_more"] as? Bool == false)
        let error = try await port.send(.get, "/dead-letters?after=ten").error(422, "unprocessable_entity")
        #expect(error["param"] as? String == "after")
    }

    @Test("resolving twice the same way is the same as once, another way is a conflict")
    func resolve() async throws {
        for (way, resolution, other) in [("retry", "retried", "dismiss"), ("dismiss", "dismissed", "retry")] {
            let port = try await AdminPort()
            port.stores.addDeadLetter(7)
            let first = try await port.send(.post, "/dead-letters/7/\(way)")
            #expect(first.status == 200)
            #expect(try first.json["resolution"] as? String == resolution)
            #expect(try await port.send(.post, "/dead-letters/7/\(way)").bytes == first.bytes)
            _ = try await port.send(.post, "/dead-letters/7/\(other)").error(409, "conflict")
            for missing in ["8", "seven"] {
                _ = try await port.send(.post, "/dead-letters/\(missing)/\(way)").error(404, "not_found")
            }
        }
    }
}
