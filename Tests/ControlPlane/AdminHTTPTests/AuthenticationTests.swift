import HTTPTypes
import Testing

@Suite struct AuthenticationTests {
    /// Every route behind the token, with a method it has.
    static let routes: [(String, String)] = [
        ("GET", "/orgs"), ("POST", "/orgs"), ("GET", "/orgs/org_1"), ("PATCH", "/orgs/org_1"), ("GET", "/keys"),
        ("POST", "/keys"), ("GET", "/keys/key_1"), ("PATCH", "/keys/key_1"), ("POST", "/keys/key_1/revoke"),
        ("POST", "/keys/key_1/rotate"), ("POST", "/routes:explain"), ("GET", "/dead-letters"),
        ("POST", "/dead-letters/1/retry"), ("POST", "/dead-letters/1/dismiss"), ("GET", "/propagation"),
        ("GET", "/me"), ("GET", "/admin-keys"), ("POST", "/admin-keys"), ("DELETE", "/admin-keys/adm_1"),
    ]

    @Test("every route refuses a request without the token and one with another", arguments: routes)
    func refused(method: String, path: String) async throws {
        let port = try await AdminPort()
        let verb = try #require(HTTPRequest.Method(rawValue: method))
        let another = String(port.token.dropLast()) + (port.token.hasSuffix("x") ? "y" : "x")
        for token in ["", another, "aihub-admin-short"] {
            _ = try await port.send(verb, path, "{}", token: token).error(401, "invalid_admin_token")
        }
    }

    @Test("a token of another shape costs no query")
    func shape() async throws {
        let port = try await AdminPort()
        _ = try await port.send(.get, "/orgs", token: "sk-hub-something").error(401, "invalid_admin_token")
        #expect(port.stores.tokenQueries == 0)
        #expect(try await port.send(.get, "/orgs").status == 200)
        #expect(port.stores.tokenQueries == 1)
    }

    @Test("after too many wrong tokens an address waits, but not the one with the token that was right last")
    func limited() async throws {
        let port = try await AdminPort(failedTokensPerMinute: 2)
        #expect(try await port.send(.get, "/orgs").status == 200)
        _ = try await port.send(.get, "/orgs", token: "aihub-admin-no").error(401, "invalid_admin_token")
        let answer = try await port.send(.get, "/orgs", token: "aihub-admin-no")
        _ = try answer.error(429, "rate_limit_exceeded")
        #expect((Int(answer.headers[.retryAfter] ?? "") ?? 0) > 0)
        #expect(try await port.send(.get, "/orgs").status == 200)
    }

    @Test("the description of the API needs no token")
    func description() async throws {
        let answer = try await AdminPort().send(.get, "/openapi.yaml", token: "")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/yaml")
        #expect(String(decoding: answer.bytes, as: UTF8.self).hasPrefix("openapi: 3"))
    }

    @Test("a path that is not there, and a method that a path does not have, are not found")
    func paths() async throws {
        let port = try await AdminPort()
        for (method, path) in [(HTTPRequest.Method.get, "/nothing"), (.delete, "/orgs"), (.put, "/keys/key_1")] {
            _ = try await port.send(method, path).error(404, "not_found")
        }
    }
}
