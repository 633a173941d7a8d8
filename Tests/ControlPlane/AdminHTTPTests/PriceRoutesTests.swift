import AdminCore
import Foundation
import HTTPTypes
import Testing

@Suite struct PriceRoutesTests {
    private static let draft = #"{"model":"m","usd_per_million_tokens":{"input":"1.5","output":"2"}}"#

    @Test("a price is added, read and listed; amounts are decimal USD")
    func add() async throws {
        let port = try await AdminPort()
        let made = try await port.send(.post, "/prices", Self.draft)
        #expect(made.status == 201)
        let tokens = try #require(try made.json["usd_per_million_tokens"] as? [String: Any])
        #expect(tokens["input"] as? String == "1.5" && tokens["output"] is NSNull)
        #expect(try await port.send(.get, "/prices/1").bytes == made.bytes)
        _ = try await port.send(.post, "/prices", Self.draft)
        let page = try await port.send(.get, "/prices?limit=1&model=m").json
        #expect((page["data"] as? [[String: Any]])?.count == 1 && page["has_more"] as? Bool == true)
        let rest = try await port.send(.get, "/prices?limit=1&after=1").json
        #expect((rest["data"] as? [[String: Any]])?.first?["id"] as? String == "2")
        for id in ["3", "one"] { _ = try await port.send(.get, "/prices/\(id)").error(404, "not_found") }
    }

    @Test("there is no operation that changes or deletes a price")
    func immutable() async throws {
        let port = try await AdminPort()
        _ = try await port.send(.post, "/prices", Self.draft)
        for method in [HTTPRequest.Method.patch, .put, .delete] {
            _ = try await port.send(method, "/prices/1", "{}").error(404, "not_found")
        }
    }

    @Test(
        "a price of another shape is refused by its member",
        arguments: [
            (#"{"usd_per_million_tokens":{"input":"1","output":"2"}}"#, "model"),
            (#"{"model":"m"}"#, "usd_per_million_tokens"),
            (#"{"model":"m","usd_per_million_tokens":{"input":"1"}}"#, "usd_per_million_tokens.output"),
            (#"{"model":"m","usd_per_million_tokens":{"input":1,"output":"2"}}"#, "usd_per_million_tokens.input"),
            (#"{"model":"m","usd_per_million_tokens":{"input":"-1","output":"2"}}"#, "usd_per_million_tokens.input"),
            (#"{"model":"m","usd_per_million_tokens":{"ouput":"1"}}"#, "usd_per_million_tokens.ouput"),
            (
                #"{"model":"m","usd_per_million_tokens":{"input":"1","output":"2","tiers":[{"input":"1","output":"1"}]}}"#,
                "usd_per_million_tokens.tiers[0].above_input_tokens"
            ),
            (#"{"model":"m","usd_per_image":[{"usd":"1","colour":"red"}]}"#, "usd_per_image[0].colour"),
            (#"{"model":"m","usd_per_image":[{}]}"#, "usd_per_image[0].usd"),
            (#"{"model":"m","effective_from":"tomorrow","usd_per_image":[]}"#, "effective_from"),
            (#"{"model":"m","effective_from":"2027-01-01","usd_per_image":[]}"#, "effective_from"),
            (#"{"model":"m","price":"1","usd_per_image":[]}"#, "price"),
        ])
    func refused(body: String, param: String) async throws {
        let port = try await AdminPort()
        let error = try await port.send(.post, "/prices", body).error(422, "unprocessable_entity")
        #expect(error["param"] as? String == param)
        #expect(try await port.stores.prices(model: nil, at: nil, after: 0, limit: 1).isEmpty)
    }

    @Test("the instant of a list is a time")
    func instant() async throws {
        let port = try await AdminPort()
        for (at, status) in [
            ("2027-01-01T00:00:00Z", 200), ("2027-01-01T00:00:00.25Z", 200), ("2027-01-01", 422), ("now", 422),
            ("2027-01-01T00:00:00", 422),
        ] {
            #expect(try await port.send(.get, "/prices?at=\(at)").status == status, "\(at)")
        }
        let error = try await port.send(.get, "/prices?after=one").error(422, "unprocessable_entity")
        #expect(error["param"] as? String == "after")
    }
}
