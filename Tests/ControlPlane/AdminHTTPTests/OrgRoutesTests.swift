import AdminCore
import Foundation
import HTTPTypes
import PlaneContract
import Testing

@Suite struct OrgRoutesTests {
    @Test("creates an org on the free plan, and shows it with every member")
    func create() async throws {
        let port = try await AdminPort()
        let made = try await port.send(.post, "/orgs", #"{"name":"acme","limits":{"usd_per_day":"12.50"}}"#)
        #expect(made.status == 201)
        let shown = try made.json
        #expect(shown["object"] as? String == "org")
        #expect(shown["plan"] as? String == "free")
        let limits = try #require(shown["limits"] as? [String: Any])
        #expect(limits.count == 7)
        #expect(limits["usd_per_day"] as? String == "12.5")
        #expect(limits["requests_per_day"] is NSNull)
        let read = try await port.send(.get, "/orgs/\(try #require(shown["id"] as? String))")
        #expect(read.bytes == made.bytes)
    }

    @Test("an edit changes what it names: null removes a limit, and what is absent stays")
    func edit() async throws {
        let port = try await AdminPort()
        let made = try await port.send(
            .post, "/orgs", #"{"name":"a","limits":{"requests_per_day":5,"requests_per_minute":6}}"#)
        let id = try #require(try made.json["id"] as? String)
        let edited = try await port.send(.patch, "/orgs/\(id)", #"{"name":"b","limits":{"requests_per_day":null}}"#)
        #expect(edited.status == 200)
        let org = try #require(port.stores.org(id))
        #expect(org.name == "b")
        #expect(org.limits.requestsPerDay == nil)
        #expect(org.limits.requestsPerMinute == 6)
    }

    @Test("a change that is not in force everywhere is 202, and says what it waits for")
    func pending() async throws {
        let port = try await AdminPort(pending: PendingPropagation(publication: false, workers: ["w1"]))
        let id = try await port.org()
        let edited = try await port.send(.patch, "/orgs/\(id)", #"{"status":"suspended"}"#)
        #expect(edited.status == 202)
        let pending = try #require(try edited.json["pending"] as? [String: Any])
        #expect(pending["workers"] as? [String] == ["w1"])
        let asked = try await port.send(.get, "/propagation")
        #expect(asked.status == 200)
        #expect((try asked.json["pending"] as? [String: Any])?["publication"] as? Bool == false)
    }

    @Test("an org that does not exist is not found")
    func missing() async throws {
        let port = try await AdminPort()
        _ = try await port.send(.get, "/orgs/org_none").error(404, "not_found")
        _ = try await port.send(.patch, "/orgs/org_none", "{}").error(404, "not_found")
    }

    @Test("pages have every org once, in order, and the last says so")
    func pages() async throws {
        let port = try await AdminPort()
        var made: [String] = []
        for number in 1...5 { made.append(try await port.org("org \(number)")) }
        var seen: [String] = []
        var sizes: [Int] = []
        var query = "?limit=2"
        while true {
            let page = try await port.send(.get, "/orgs" + query).json
            let items = try #require(page["data"] as? [[String: Any]])
            sizes.append(items.count)
            seen += items.compactMap { $0["id"] as? String }
            guard page["has_more"] as? Bool == true else { break }
            query = "?limit=2&after=\(try #require(seen.last))"
        }
        #expect(seen == made.sorted())
        #expect(sizes == [2, 2, 1])
    }

    @Test("a page of no or too many items is refused", arguments: ["0", "201", "-1", "many", ""])
    func pageSize(limit: String) async throws {
        let port = try await AdminPort()
        for path in ["/orgs", "/keys", "/dead-letters"] {
            let error = try await port.send(.get, "\(path)?limit=\(limit)").error(422, "unprocessable_entity")
            #expect(error["param"] as? String == "limit")
        }
    }
}
