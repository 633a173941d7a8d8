internal import FoundationEssentials
internal import GatewayModel
internal import PlaneContract

/// The body of `GET /v1/me/requests/{id}`: how a request ended and what it cost, from its usage event.
enum RequestStatusBody {
    private struct Body: Encodable {
        struct Usage: Encodable {
            var input: Int64
            var cacheRead: Int64
            var cacheWrite: Int64
            var output: Int64
            var reasoning: Int64
        }

        let object = "request"
        var id: String
        var state: String
        var outcome: String?
        var requested: String?
        var model: String?
        var deployment: String?
        var attempts: Int?
        var status: Int?
        var streamed: Bool?
        var costUsd: String
        var cached: Bool?
        var savedUsd: String?
        var heldUsd: String?
        var usage: Usage?
        var usageSource: String?
        var admittedAtMs: Int64?
        var firstByteMs: Int64?
        var durationMs: Int64?
        var configVersion: Int64?
    }

    /// - Returns: `nil` when the request belongs to another key.
    static func json(_ id: String, state: String, event: [UInt8], keyID: String) -> String? {
        var body = Body(id: id, state: state, costUsd: NanoUSD.zero.decimalUSD)
        // A cancelled request has no event: it reached no provider and cost nothing, so there is no key to check.
        if !event.isEmpty {
            guard let event = try? JSONDecoder().decode(UsageEvent.self, from: Data(event)), event.keyID == keyID else {
                return nil
            }
            fill(&body, from: event, isOver: state != "running")
        } else if state != "cancelled" {
            return nil
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(body)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The body for a request that was refused: the error its caller received.
    static func json(_ id: String, refusedWith error: GatewayError) -> String {
        let body = String(decoding: ErrorBody.json(error).dropFirst().dropLast(), as: UTF8.self)
        return
            "{\"cost_usd\":\"0\",\"id\":\"\(id)\",\"object\":\"request\",\"state\":\"refused\",\"status\":\(error.kind.status),\(body)}"
    }

    private static func fill(_ body: inout Body, from event: UsageEvent, isOver: Bool) {
        body.requested = event.requested
        body.model = event.model
        body.deployment = event.deployment
        body.attempts = event.attempts
        body.streamed = event.streamed
        body.heldUsd = event.hold.decimalUSD
        body.costUsd = event.cost.decimalUSD
        body.cached = event.saved != nil
        body.savedUsd = event.saved?.decimalUSD
        body.configVersion = event.configVersion
        body.usage = Body.Usage(
            input: event.usage.input, cacheRead: event.usage.cacheRead, cacheWrite: event.usage.cacheWrite,
            output: event.usage.output, reasoning: event.usage.reasoning)
        body.usageSource = event.usageSource.rawValue
        guard isOver else { return }
        body.outcome = event.outcome.rawValue
        body.status = event.status
        body.admittedAtMs = event.admittedMs
        body.firstByteMs = event.firstByteMs
        body.durationMs = event.durationMs
    }
}
