internal import GatewayModel

/// What callers are told when a delivery fails.
extension GatewayError {
    static var noFirstEvent: GatewayError {
        GatewayError(
            .upstreamTimeout, "The provider of this model did not answer in time.", detail: "no first event")
    }

    static func upstreamInsecure(_ detail: String) -> GatewayError {
        GatewayError(
            .upstreamError, "upstream_tls: the provider of this model cannot be reached safely.", detail: detail)
    }

    static func upstreamUnreachable(_ detail: String) -> GatewayError {
        GatewayError(.upstreamError, "The provider of this model cannot be reached.", detail: detail)
    }

    static func upstreamConnectionLost(_ detail: String) -> GatewayError {
        GatewayError(.upstreamError, "The provider broke the connection before it answered.", detail: detail)
    }

    static func unusableAnswer(_ detail: String) -> GatewayError {
        GatewayError(.upstreamError, "The provider of this model gave an unusable answer.", detail: detail)
    }

    static func answerTooLarge(bytesMax: Int) -> GatewayError {
        GatewayError(
            .upstreamError, "The answer is larger than \(bytesMax >> 20) MiB, the most this gateway passes on.",
            detail: "answer over the bound", shouldRetry: false)
    }

    static func answeredByAnotherModel(_ model: String) -> GatewayError {
        GatewayError(
            .upstreamError, "The provider answered with another model than was asked for.",
            detail: "answered by \(model)", shouldRetry: false)
    }

    static func streamBroken(_ detail: String) -> GatewayError {
        GatewayError(
            .upstreamError, "upstream_interrupted: the provider broke off its answer", detail: detail)
    }

    static func streamSilent(_ detail: String) -> GatewayError {
        GatewayError(.upstreamTimeout, "The answer was cut.", detail: detail)
    }

    static func tookTooLong(totalMs: Int64) -> GatewayError {
        GatewayError(
            .upstreamTimeout, "The request took longer than \(totalMs / 1000) s.",
            detail: "total deadline", shouldRetry: false)
    }

    static var keyWithdrawn: GatewayError {
        .unauthorized("The key was revoked, suspended or has expired while its answer was running.")
    }
}
