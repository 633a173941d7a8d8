/// What a provider should do, parsed from the model's name: `script:in=20,out=5,gap=10`.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `in`, `out` | prompt and completion tokens; a token is one chunk of four bytes | 10, 8 |
/// | `cached`, `reasoning` | how many of those are cache reads, reasoning | 0 |
/// | `first`, `gap` | milliseconds before the first event or the answer, and between chunks | 0 |
/// | `status` | answer this error status and bill nothing | 200 |
/// | `retry` | seconds in `retry-after`, with `status` | none |
/// | `quota` | `1`: report `insufficient_quota`, with `status` | 0 |
/// | `cut` | close the connection after this many chunks | never |
/// | `hang` | send nothing more after this many chunks (0: not even headers) | never |
/// | `error` | send an error event after this many chunks | never |
/// | `usage` | `ok`, `missing`, `negative`, `text`, `finish` (on the finish chunk), `twice` | `ok` |
/// | `tools` | `1`: answer with a tool call | 0 |
/// | `dims`, `base64` | the size of a vector; `1`: honour `encoding_format` | 8, 0 |
/// | `image` | the bytes of an image | 64 |
/// | `odd` | `1`: text beyond ASCII, with escapes | 0 |
/// | `finish` | the finish reason to send instead of the usual one | usual |
/// | `runson` | `1`: the whole answer is billed once requested, whether it is read or not | 0 |
/// | `hidden` | `1`: reasoning tokens come first, take time and are not sent | 0 |
/// | `says` | the model it reports | its name |
/// | `nomodel`, `nodone`, `nofinish` | `1`: leave that out | 0 |
struct Script {
    let name: String
    private let values: [String: String]

    init(model: String) {
        name = model
        let rest = model.split(separator: ":", maxSplits: 1).dropFirst().first ?? ""
        var values: [String: String] = [:]
        for pair in rest.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        self.values = values
    }

    private func number(_ key: String) -> Int? { values[key].flatMap { Int($0) } }

    var promptTokens: Int { number("in") ?? 10 }
    var cachedTokens: Int { number("cached") ?? 0 }
    var reasoningTokens: Int { number("reasoning") ?? 0 }
    var firstMs: Int64 { Int64(number("first") ?? 0) }
    var gapMs: Int64 { Int64(number("gap") ?? 0) }
    var status: Int { number("status") ?? 200 }
    var retryAfter: Int? { number("retry") }
    var saysQuota: Bool { number("quota") == 1 }
    var cutAfter: Int? { number("cut") }
    var hangAfter: Int? { number("hang") }
    var errorAfter: Int? { number("error") }
    var usage: String { values["usage"] ?? "ok" }
    var callsTool: Bool { number("tools") == 1 }
    /// One token as JSON text.
    var token: String { number("odd") == 1 ? "é☃\\u00e9\\n\\\"😀 " : "tok " }
    var finishReason: String? { values["finish"] }
    var runsOn: Bool { number("runson") == 1 }
    var hidesReasoning: Bool { number("hidden") == 1 }
    /// The model name it reports.
    var statedName: String { values["says"] ?? name }
    var omitsModel: Bool { number("nomodel") == 1 }
    var omitsDone: Bool { number("nodone") == 1 }
    var omitsFinish: Bool { number("nofinish") == 1 }

    var dimensions: Int { number("dims") ?? 8 }
    var knowsBase64: Bool { number("base64") == 1 }
    var imageBytes: Int { number("image") ?? 64 }

    /// The completion tokens, which the caller's own limit may truncate.
    func completionTokens(limit: Int?) -> Int { min(number("out") ?? 8, limit ?? .max) }
}
