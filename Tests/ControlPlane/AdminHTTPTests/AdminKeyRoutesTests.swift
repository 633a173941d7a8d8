import AdminCore
import Foundation
import HTTPTypes
import Testing

@Suite struct AdminKeyRoutesTests {
    @Test("the secret is shown once, and only its digest is stored")
    func create() async throws {
        let port = try await AdminPort()
        let made = try await port.send(.post, "/admin-keys", #"{"name":"ci","role":"support"}"#)
        #expect(made.status == 201)
        let secret = try #require(try made.json["key"] as? String)
        let id = try #require(try made.json["id"] as? String)
        #expect(secret.hasPrefix("sk-hub-admin-"))
        #expect(try made.json["created_by"] as? String == "admin")
        let listed = String(decoding: try await port.send(.get, "/admin-keys").bytes, as: UTF8.self)
        let digest = try #require(port.stores.adminDigest(ofKey: id))
        #expect(listed.contains(id))
        #expect(!listed.contains(secret))
        #expect(!listed.contains(digest))
    }

    @Test("a revoked, an expired and a mistyped key, and one with a role nobody knows, are refused alike")
    func refused() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        let ends: [(String) async throws -> Void] = [
            { _ = try await port.send(.delete, "/admin-keys/\($0)") },
            { port.stores.expireAdminKey($0) }, { port.stores.changeRole(ofAdminKey: $0, to: "auditor") },
            { port.stores.changeRole(ofAdminKey: $0, to: "operator") },
        ]
        let expected = try await port.send(.get, "/me", token: "sk-hub-admin-no").bytes
        for end in ends {
            let key = try await port.adminKey("owner", org: org)
            #expect(try await port.send(.get, "/me", token: key.secret).status == 200)
            try await end(key.id)
            let answer = try await port.send(.get, "/me", token: key.secret)
            _ = try answer.error(401, "invalid_admin_token")
            #expect(answer.bytes == expected)
        }
    }

    @Test("a mistyped key costs no look-up, wrong ones are counted, and correct ones are exempt")
    func counted() async throws {
        let port = try await AdminPort(failedTokensPerMinute: 2)
        let first = try await port.adminKey("support", org: nil)
        let second = try await port.adminKey("operator", org: nil)
        for key in [first, second] { #expect(try await port.send(.get, "/me", token: key.secret).status == 200) }
        _ = try await port.send(.delete, "/admin-keys/\(first.id)")
        _ = try await port.send(.get, "/me", token: first.secret).error(401, "invalid_admin_token")
        _ = try await port.send(.get, "/me", token: first.secret).error(429, "rate_limit_exceeded")
        #expect(try await port.send(.get, "/me", token: second.secret).status == 200)
        #expect(try await port.send(.get, "/me").status == 200)
    }

    @Test("who am I: the role, its permissions, and the key itself")
    func me() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        let key = try await port.adminKey("viewer", org: org)
        let mine = try await port.send(.get, "/me", token: key.secret).json
        #expect(mine["role"] as? String == "viewer")
        #expect(mine["org_id"] as? String == org)
        #expect(mine["permissions"] as? [String] == ["keys:read", "me:read", "orgs:read", "usage:read"])
        #expect((mine["admin_key"] as? [String: Any])?["id"] as? String == key.id)
        let token = try await port.send(.get, "/me").json
        #expect(token["role"] as? String == "operator")
        #expect((token["permissions"] as? [String])?.count == Permission.allCases.count)
        #expect(token["admin_key"] is NSNull)
    }

    @Test("an org's admin creates keys of its own org without naming it")
    func ownOrg() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        let admin = try await port.adminKey("admin", org: org)
        let made = try await port.send(.post, "/admin-keys", #"{"name":"a","role":"viewer"}"#, token: admin.secret)
        #expect(made.status == 201)
        #expect(try made.json["org_id"] as? String == org)
        #expect(try made.json["created_by"] as? String == admin.id)
    }

    @Test("a role of an org needs one, and a role of the installation has none; no other role, no other member")
    func bodies() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        for (body, param) in [
            (#"{"name":"a","role":"owner"}"#, "org_id"),
            (#"{"name":"a","role":"support","org_id":"\#(org)"}"#, "org_id"),
            (#"{"name":"a","role":"root"}"#, "role"), (#"{"role":"owner","org_id":"\#(org)"}"#, "name"),
            (#"{"name":"a","role":"owner","org_id":"\#(org)","permissions":["orgs:write"]}"#, "permissions"),
        ] {
            let error = try await port.send(.post, "/admin-keys", body).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param)
        }
    }

    @Test("revoking twice is the same as once, and what does not exist is not found")
    func revoke() async throws {
        let port = try await AdminPort()
        let key = try await port.adminKey("support", org: nil)
        let first = try await port.send(.delete, "/admin-keys/\(key.id)")
        #expect(try first.json["revoked_at"] is String)
        #expect(try await port.send(.delete, "/admin-keys/\(key.id)").bytes == first.bytes)
        _ = try await port.send(.delete, "/admin-keys/adm_none").error(404, "not_found")
    }
}
