import AdminCore
import Foundation
import HTTPTypes
import PlaneContract
import Synchronization
import Testing

@Suite struct CatalogueRoutesTests {
    /// A body that creates an entry of each resource.
    static let drafts: [(path: String, id: String, body: String)] = [
        ("providers", "p", #"{"id":"p","base_url":"https://p/v1"}"#),
        ("credentials", "p", #"{"id":"p","provider":"p","secret":"sk-secret"}"#),
        ("models", "m/1", #"{"name":"m/1","vendor":"v","max_output_tokens":10}"#),
        ("deployments", "p/m", #"{"id":"p/m","model":"m/1","provider":"p"}"#),
        ("aliases", "fast", #"{"name":"fast","candidates":[{"model":"m/1"}]}"#),
        ("plans", "pro", #"{"name":"pro","org_limits":{"usd_per_day":"2.5"}}"#),
    ]

    private static func address(_ draft: (path: String, id: String, body: String)) -> String {
        "/\(draft.path)/" + draft.id.replacingOccurrences(of: "/", with: "%2F")
    }

    @Test("an entry is created, read by its id, listed, and exists only once")
    func create() async throws {
        let port = try await AdminPort()
        for draft in Self.drafts {
            let made = try await port.send(.post, "/\(draft.path)", draft.body)
            #expect(made.status == 201, "\(draft.path)")
            #expect(made.headers[.eTag] == "\"1\"")
            let read = try await port.send(.get, Self.address(draft))
            #expect(read.status == 200 && read.bytes == made.bytes, "\(draft.path)")
            let page = try await port.send(.get, "/\(draft.path)?limit=1").json
            #expect((page["data"] as? [[String: Any]])?.count == 1 && page["has_more"] as? Bool == false)
            _ = try await port.send(.post, "/\(draft.path)", draft.body).error(409, "conflict")
            _ = try await port.send(.get, "/\(draft.path)/none").error(404, "not_found")
            _ = try await port.send(.patch, "/\(draft.path)/none", "{}").error(404, "not_found")
        }
    }

    @Test("no route of the catalogue is open without the token")
    func token() async throws {
        let port = try await AdminPort()
        for draft in Self.drafts + [("prices", "1", "{}")] {
            for method in [HTTPRequest.Method.get, .post] {
                _ = try await port.send(method, "/\(draft.path)", draft.body, token: "").error(
                    401, "invalid_admin_token")
            }
            _ = try await port.send(.get, Self.address(draft), token: "").error(401, "invalid_admin_token")
        }
    }

    @Test("a secret is in no answer")
    func secret() async throws {
        let port = try await AdminPort()
        let made = try await port.send(.post, "/credentials", Self.drafts[1].body)
        let edited = try await port.send(.patch, "/credentials/p", #"{"secret":"sk-secret-2"}"#)
        #expect(made.status == 201 && edited.status == 200)
        let listed = try await port.send(.get, "/credentials")
        for answer in [made, edited, listed] {
            #expect(!String(decoding: answer.bytes, as: UTF8.self).contains("secret"))
        }
        for bad in ["", "with space", "line\\nbreak", "ümlaut", String(repeating: "x", count: 4_097)] {
            let error = try await port.send(.patch, "/credentials/p", #"{"secret":"\#(bad)"}"#)
                .error(422, "unprocessable_entity")
            #expect(error["param"] as? String == "secret")
        }
    }

    @Test("everything that is wrong with a body is said at once, by member")
    func errors() async throws {
        let port = try await AdminPort()
        let body = #"{"vendor":1,"vision":"yes","max_output_tokens":1.5,"colour":"red","context_window":null}"#
        let error = try await port.send(.post, "/models", body).error(422, "unprocessable_entity")
        let errors = try #require(error["errors"] as? [[String: Any]])
        #expect(
            Set(errors.compactMap { $0["param"] as? String }) == [
                "name", "vendor", "vision", "max_output_tokens", "colour",
            ])
        for (path, body, param) in [
            ("aliases", #"{"name":"a","candidates":[{"model":"m","wait":1}]}"#, "candidates[0].wait"),
            ("aliases", #"{"name":"a","candidates":[{"model":"m"},{"model":"m"}]}"#, "candidates[1].model"),
            ("aliases", #"{"name":"a","candidates":null}"#, "candidates"),
            ("aliases", #"{"name":"a","candidates":[{"model":"m"}],"objective":{"luck":1}}"#, "objective.luck"),
            ("plans", #"{"name":"a","org_limits":{"usd_per_day":2}}"#, "org_limits.usd_per_day"),
            ("providers", #"{"id":"a","base_url":"b","allowed_networks":[1]}"#, "allowed_networks"),
            ("models", #"{"name":"a\u0000","vendor":"v","max_output_tokens":1}"#, "name"),
        ] {
            let error = try await port.send(.post, "/\(path)", body).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param, "\(body)")
        }
        #expect(port.stores.catalogue.state.withLock { $0.actors.isEmpty })
    }

    @Test("an edit changes what it names; what identifies an entry stays")
    func edit() async throws {
        let port = try await AdminPort()
        _ = try await port.send(.post, "/plans", Self.drafts[5].body)
        let edited = try await port.send(.patch, "/plans/pro", #"{"org_limits":{"requests_per_day":5}}"#)
        #expect(edited.status == 200 && edited.headers[.eTag] == "\"2\"")
        let limits = try #require(try edited.json["org_limits"] as? [String: Any])
        #expect(limits["usd_per_day"] as? String == "2.5" && limits["requests_per_day"] as? Int == 5)
        #expect(limits.count == 7 && limits["usd_per_month"] is NSNull)
        let error = try await port.send(.patch, "/plans/pro", #"{"name":"max"}"#).error(422, "unprocessable_entity")
        #expect(error["param"] as? String == "name")
    }

    @Test(
        "an edit of a version that is no more is refused",
        arguments: [("\"2\"", 200), ("*", 200), ("\"7\", \"2\"", 200), ("\"1\"", 412), ("W/\"2\"", 412), ("2", 412)])
    func ifMatch(header: String, status: Int) async throws {
        let port = try await AdminPort()
        _ = try await port.send(.post, "/providers", Self.drafts[0].body)
        _ = try await port.send(.patch, "/providers/p", #"{"enabled":false}"#)
        var headers = HTTPFields()
        headers[.ifMatch] = header
        let answer = try await port.send(.patch, "/providers/p", #"{"enabled":true}"#, headers: headers)
        #expect(answer.status == status)
        if status == 412 { _ = try answer.error(412, "precondition_failed") }
        let stored = try await port.stores.entry(of: .provider, "p")
        #expect(stored?.version == (status == 200 ? 3 : 2))
    }

    @Test("a change that is not in force everywhere says what it waits for")
    func pending() async throws {
        let port = try await AdminPort(pending: PendingPropagation(publication: true, workers: []))
        let made = try await port.send(.post, "/providers", Self.drafts[0].body)
        #expect(made.status == 201)
        #expect((try made.json["pending"] as? [String: Any])?["publication"] as? Bool == true)
        let edited = try await port.send(.patch, "/providers/p", "{}")
        #expect(edited.status == 202)
        #expect((try edited.json["pending"] as? [String: Any])?["publication"] as? Bool == true)
    }

    @Test("lists are filtered by members and parts of the name; an unknown parameter is refused")
    func filters() async throws {
        let port = try await AdminPort()
        for (name, vendor) in [("a-1", "x"), ("a-2", "y"), ("b-1", "x")] {
            let body = #"{"name":"\#(name)","vendor":"\#(vendor)","max_output_tokens":1,"enabled":true}"#
            #expect(try await port.send(.post, "/models", body).status == 201)
        }
        for (query, names) in [
            ("?vendor=x", ["a-1", "b-1"]), ("?q=a-", ["a-1", "a-2"]), ("?enabled=false", []),
            ("?after=a-1&enabled=true", ["a-2", "b-1"]), ("?vendor=x&q=b", ["b-1"]),
        ] {
            let page = try await port.send(.get, "/models" + query).json
            #expect((page["data"] as? [[String: Any]])?.compactMap { $0["name"] as? String } == names, "\(query)")
        }
        for (query, param) in [("?vendr=x", "vendr"), ("?enabled=maybe", "enabled"), ("?limit=201", "limit")] {
            let error = try await port.send(.get, "/models" + query).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param)
        }
    }

    @Test("what the database refuses is passed on with its member and words")
    func refusal() async throws {
        let port = try await AdminPort()
        port.stores.catalogue.state.withLock {
            $0.refusal = .invalidMembers([MemberError(param: "base_url", message: "too plain")])
        }
        let error = try await port.send(.post, "/providers", Self.drafts[0].body).error(422, "unprocessable_entity")
        #expect(error["message"] as? String == "too plain" && error["param"] as? String == "base_url")
        let errors = try #require(error["errors"] as? [[String: Any]])
        #expect(errors.count == 1 && errors[0]["message"] as? String == "too plain")
    }
}
