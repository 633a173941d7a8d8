import AdminCore
import HTTPTypes
import PlaneContract
import Testing

@Suite struct KeyRoutesTests {
    @Test("the secret is shown once, and only its digest is stored")
    func create() async throws {
        let port = try await AdminPort()
        let key = try await port.key()
        #expect(key.secret.hasPrefix("sk-hub-"))
        let read = try await port.send(.get, "/keys/\(key.id)")
        #expect(read.status == 200)
        let text = String(decoding: read.bytes, as: UTF8.self)
        #expect(!text.contains(key.secret))
        let digest = try #require(port.stores.digest(ofKey: key.id))
        #expect(digest.utf8.count == 64)
        #expect(!text.contains(digest))
    }

    @Test("a key belongs to an org that exists")
    func owner() async throws {
        let port = try await AdminPort()
        _ = try await port.send(.post, "/keys", #"{"org_id":"org_none","name":"a"}"#).error(404, "not_found")
        let error = try await port.send(.post, "/keys", #"{"name":"a"}"#).error(422, "unprocessable_entity")
        #expect(error["param"] as? String == "org_id")
    }

    @Test("the list can be of one org")
    func list() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        let own = try await port.key(org: org)
        _ = try await port.key()
        let ids = { (answer: AdminPort.Answer) in
            try #require(try answer.json["data"] as? [[String: Any]]).compactMap { $0["id"] as? String }
        }
        #expect(try ids(try await port.send(.get, "/keys?org_id=\(org)")) == [own.id])
        #expect(try ids(try await port.send(.get, "/keys")).count == 2)
    }

    @Test("an edit sets, removes with null, and keeps what is absent")
    func edit() async throws {
        let port = try await AdminPort()
        let key = try await port.key()
        let path = "/keys/\(key.id)"
        _ = try await port.send(.patch, path, #"{"allowed_models":["a","b"],"cache_seconds":60}"#)
        let edited = try await port.send(.patch, path, #"{"cache_seconds":null,"limits":{"requests_per_minute":3}}"#)
        #expect(edited.status == 200)
        let stored = try #require(port.stores.key(key.id))
        #expect(stored.allowedModels == ["a", "b"])
        #expect(stored.cacheSeconds == nil)
        #expect(stored.limits.requestsPerMinute == 3)
        for (body, param) in [
            (#"{"cache_seconds":86401}"#, "cache_seconds"), (#"{"allowed_models":"a"}"#, "allowed_models"),
            (#"{"allowed_models":[1]}"#, "allowed_models"), (#"{"org_id":"org_1"}"#, "org_id"),
        ] {
            let error = try await port.send(.patch, path, body).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param)
        }
        #expect(port.stores.key(key.id) == stored)
        _ = try await port.send(.patch, "/keys/key_none", "{}").error(404, "not_found")
    }

    @Test("revoking twice is the same as once")
    func revoke() async throws {
        let port = try await AdminPort()
        let key = try await port.key()
        let first = try await port.send(.post, "/keys/\(key.id)/revoke")
        #expect(first.status == 200)
        #expect(try first.json["status"] as? String == "revoked")
        let second = try await port.send(.post, "/keys/\(key.id)/revoke")
        #expect(second.status == 200)
        #expect(second.bytes == first.bytes)
        _ = try await port.send(.post, "/keys/key_none/revoke").error(404, "not_found")
    }

    @Test("rotation gives another secret, at most seven days beside the old one, and none to a revoked key")
    func rotate() async throws {
        let port = try await AdminPort()
        let key = try await port.key()
        let path = "/keys/\(key.id)/rotate"
        let before = port.stores.digest(ofKey: key.id)
        let rotated = try await port.send(.post, path)
        #expect(rotated.status == 200)
        #expect(try rotated.json["key"] as? String != key.secret)
        #expect(port.stores.digest(ofKey: key.id) != before)
        let overlapping = try await port.send(.post, path, #"{"overlap_seconds":604800}"#)
        #expect(try overlapping.json["overlap_ends_at"] as? String == "in 604800 s")
        for seconds in ["-1", "604801", "1.5", "null"] {
            let error = try await port.send(.post, path, #"{"overlap_seconds":\#(seconds)}"#)
                .error(422, "unprocessable_entity")
            #expect(error["param"] as? String == "overlap_seconds")
        }
        _ = try await port.send(.post, "/keys/key_none/rotate").error(404, "not_found")
        _ = try await port.send(.post, "/keys/\(key.id)/revoke")
        let digest = port.stores.digest(ofKey: key.id)
        _ = try await port.send(.post, path).error(409, "conflict")
        #expect(port.stores.digest(ofKey: key.id) == digest)
    }
}
