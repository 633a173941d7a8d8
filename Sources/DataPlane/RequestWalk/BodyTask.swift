internal import GatewayModel

/// A body that would keep a loop busy for too long if it were parsed in one of its turns: it is parsed on another thread.
package struct BodyTask: Sendable {
    let body: [UInt8]
    let operation: Operation

    /// Parses it; takes time in proportion to its length (about 1 ms for 256 KiB), so on no loop.
    package func run() -> ParsedBody {
        do throws(GatewayError) {
            return ParsedBody(result: .success(try InferenceRequest(body, for: operation)))
        } catch {
            return ParsedBody(result: .failure(error))
        }
    }
}

/// What came of a `BodyTask`: the request, or why there is none.
package struct ParsedBody: Sendable {
    let result: Result<InferenceRequest, GatewayError>
}
