internal import GatewayModel

/// A body that would block an event loop for too long and is parsed on another thread instead.
package struct BodyTask: Sendable {
    let body: [UInt8]
    let operation: Operation

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
}
