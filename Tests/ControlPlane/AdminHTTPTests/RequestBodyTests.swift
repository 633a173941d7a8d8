import AdminCore
import HTTPTypes
import Testing

/// What every body is held to, whichever route reads it.
@Suite struct RequestBodyTests {
    @Test(
        "refuses a body that is not one JSON object, a member twice, an unknown one, and another type",
        arguments: [
            ("", nil), ("[]", nil), (#"{"name":"a""#, nil), ("null", nil),
            (#"{"name":"a","name":"b"}"#, "name"), (#"{"nmae":"a"}"#, "nmae"), (#"{"name":7}"#, "name"),
            (#"{"name":"a\u0000b"}"#, "name"), ("{}", "name"), (#"{"name":"a","limits":[]}"#, "limits"),
            (#"{"name":"a","limits":{"requests_per_minit":1}}"#, "limits.requests_per_minit"),
            (#"{"name":"a","limits":{"requests_per_minute":0}}"#, "limits.requests_per_minute"),
            (#"{"name":"a","limits":{"requests_per_minute":1.5}}"#, "limits.requests_per_minute"),
            (#"{"name":"a","limits":{"usd_per_day":12.5}}"#, "limits.usd_per_day"),
            (#"{"name":"a","limits":{"usd_per_day":"0.0000000001"}}"#, "limits.usd_per_day"),
            (#"{"name":"a","limits":{"usd_per_day":"9000001"}}"#, "limits.usd_per_day"),
        ] as [(String, String?)])
    func refused(body: String, param: String?) async throws {
        let port = try await AdminPort()
        let error = try await port.send(.post, "/orgs", body).error(422, "unprocessable_entity")
        #expect(error["param"] as? String == param)
        #expect((try await port.send(.get, "/orgs").json["data"] as? [Any])?.isEmpty == true)
    }

    @Test("an unknown member is refused on every route that reads a body")
    func unknown() async throws {
        let port = try await AdminPort()
        let org = try await port.org()
        let key = try await port.key(org: org)
        for (method, path) in [
            (HTTPRequest.Method.post, "/orgs"), (.patch, "/orgs/\(org)"), (.post, "/keys"), (.patch, "/keys/\(key.id)"),
            (.post, "/keys/\(key.id)/rotate"), (.post, "/routes:explain"),
        ] {
            let error = try await port.send(method, path, #"{"color":"red"}"#).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == "color", "\(path)")
        }
    }

    @Test("64 KiB are read, one byte more is refused")
    func size() async throws {
        let port = try await AdminPort()
        let frame = #"{"name":""}"#
        let fits = #"{"name":"\#(String(repeating: "n", count: (64 << 10) - frame.utf8.count))"}"#
        #expect(fits.utf8.count == 64 << 10)
        #expect(try await port.send(.post, "/orgs", fits).status == 201)
        let error = try await port.send(.post, "/orgs", fits + " ").error(422, "unprocessable_entity")
        #expect((error["message"] as? String)?.contains("65536") == true)
    }
}
