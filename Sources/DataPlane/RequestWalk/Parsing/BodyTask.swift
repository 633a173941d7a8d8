internal import GatewayModel

/// A body that would block an event loop for too long and is parsed on another thread instead.
package struct BodyTask: Sendable {
    let body: [UInt8]
    let operation: Operation

    package var byteCount: Int { body.count }

    /// Parses the body. Takes time in proportion to its length (about 1 ms for 256 KiB), so never call it on an event
    /// loop.
    package func run() -> ParsedBody {
        do throws(GatewayError) {
            return ParsedBody(result: .success(try InferenceRequest(body, for: operation)))
        } catch {
            return ParsedBody(result: .failure(error))
        }
    }
}

/// The result of a `BodyTask`: the parsed request, or the error that refuses it.
package struct ParsedBody: Sendable {
    let result: Result<InferenceRequest, GatewayError>

    /// Refuses a body for which there is no room.
    package static let overloaded = ParsedBody(
        result: .failure(
            GatewayError(
                .overloaded, "The gateway has too many large requests at the moment. Retry shortly.",
                detail: "bodies waiting to be parsed", retryAfterMs: 1_000)))
}
