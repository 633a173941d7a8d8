import Admission
import GatewayModel
import RequestWalk
import Testing

/// A provider that reports zero tokens for an answer with content.
@Suite struct EmptyUsageTests {
    private static let usage = #""usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#

    @Test("it is charged as one that reports none")
    func plain() {
        #expect(charged(",\(Self.usage)") == charged("") && charged("") > .zero)
    }

    private func charged(_ usage: String) -> NanoUSD {
        var walker = Walker()
        walker.dispatch(stream: false)
        let message = #"{"role":"assistant","content":"four"}"#
        let choice = #"{"index":0,"message":\#(message),"finish_reason":"stop"}"#
        let body = #"{"id":"c","object":"chat.completion","model":"real","choices":[\#(choice)]\#(usage)}"#
        walker.feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        walker.feed(.attemptBytes(attempt: 1, Array(body.utf8)))
        walker.feed(.attemptEnded(attempt: 1))
        return walker.settles.last?.cost ?? .zero
    }
}
