internal import Admission
internal import GatewayModel
internal import KeyMaterial
internal import PlaneContract

/// The product's error body: `{"error":{"type":…,"message":…,"code":<HTTP status>,"param":…,"limit":{…}}}`.
enum ErrorBody {
    static func json(_ error: GatewayError) -> [UInt8] {
        var out = "{\"error\":{\"type\":\"\(error.kind.rawValue)\",\"message\":\(quoted(error.message))"
        out += ",\"code\":\(error.kind.status)"
        if let param = error.param { out += ",\"param\":\(quoted(param))" }
        if let limit = error.limit {
            out += ",\"limit\":{\(limit.members),\"reset_ms\":\(limit.resetMs)}"
        }
        return Array((out + "}}").utf8)
    }

    /// The error as the last event of a stream whose status has been sent.
    static func event(_ error: GatewayError) -> [UInt8] {
        Array("data: ".utf8) + json(error) + Array("\n\ndata: [DONE]\n\n".utf8)
    }

    /// Redacts keys: messages quote the caller's input, and some callers put their key in the wrong place.
    private static func quoted(_ text: String) -> String { JSONText.quoted(HubKey.redacted(text)) }
}
