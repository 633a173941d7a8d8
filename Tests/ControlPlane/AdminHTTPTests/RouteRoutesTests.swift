import Foundation
import HTTPTypes
import Testing

@Suite struct RouteRoutesTests {
    @Test("explains the route of a model, by the key's list of models")
    func explain() async throws {
        let port = try await AdminPort()
        let answer = try await port.send(.post, "/routes:explain", #"{"model":"small","input_tokens":10}"#)
        #expect(answer.status == 200)
        let candidates = try #require(try answer.json["candidates"] as? [[String: Any]])
        #expect(candidates.map { $0["deployment"] as? String } == ["small-1"])
        let key = try await port.key()
        _ = try await port.send(.patch, "/keys/\(key.id)", #"{"allowed_models":["large"]}"#)
        let body = #"{"model":"small","key_id":"\#(key.id)"}"#
        _ = try await port.send(.post, "/routes:explain", body).error(404, "not_found")
        _ = try await port.send(.patch, "/keys/\(key.id)", #"{"allowed_models":["small"]}"#)
        #expect(try await port.send(.post, "/routes:explain", body).status == 200)
    }

    @Test("refuses a question without a model, with another type, and about what does not exist")
    func refused() async throws {
        let port = try await AdminPort()
        for (body, param) in [
            ("{}", "model"), (#"{"model":"small","vision":1}"#, "vision"),
            (#"{"model":"small","input_tokens":-1}"#, "input_tokens"),
        ] {
            let error = try await port.send(.post, "/routes:explain", body).error(422, "unprocessable_entity")
            #expect(error["param"] as? String == param)
        }
        for body in [#"{"model":"none"}"#, #"{"model":"small","key_id":"key_none"}"#] {
            _ = try await port.send(.post, "/routes:explain", body).error(404, "not_found")
        }
    }
}
