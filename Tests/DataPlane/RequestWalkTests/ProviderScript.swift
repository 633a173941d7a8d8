import GatewayModel
import RequestWalk

/// What the provider of one attempt will do, decided in advance: its transport events in order, and their meaning.
///
/// The last step need not be an end: the provider then stays silent.
struct ProviderScript {
    /// One event of a stream as the provider meant it, and the number of bytes received when it is complete.
    struct Event {
        enum Meaning {
            case chunk(Chunk)
            case error, done, nonsense
        }

        let end: Int
        let meaning: Meaning
    }

    /// A chunk of a stream, or a whole plain answer.
    struct Chunk {
        var text: String?
        var model: String?
        /// The model it reports; `nil` for an empty name.
        var statedModel: String? { model == "" ? nil : model }
        /// The usage it reports, if readable.
        var usage: TokenUsage?
        var hasChoices = true
        var finishes = false
    }

    var steps: [WalkEvent] = []
    var events: [Event] = []
    /// The plain answer, if it is a valid one.
    var answer: Chunk?
    /// The bytes of that answer.
    var answerBytes = 0

    let number: Int
    var words = 0
    let newline: String
    /// Sends `"usage":null` in each chunk without usage, as OpenAI does when usage was requested.
    let saysNull: Bool
    let isCutInLines: Bool

    init(attempt: Int, streams: Bool, _ random: inout Seeded) {
        number = attempt
        newline = random.once(in: 5) ? "\r\n" : "\n"
        saysNull = random.once(in: 3)
        isCutInLines = random.once(in: 8)
        switch Int.random(in: 0..<20, using: &random) {
        case 0: steps = [.attemptFailed(attempt: number, .notSent("refused"))]
        case 1: steps = [.attemptFailed(attempt: number, .ambiguous("reset"))]
        case 2: steps = [.attemptFailed(attempt: number, .insecure("bad certificate"))]
        case 3: break
        case 4..<9: refuse(&random)
        case 9: if streams { answer(&random) } else { stream(&random) }
        default: if streams { stream(&random) } else { answer(&random) }
        }
        if random.once(in: 12) { steps = Array(steps.prefix(Int.random(in: 0...steps.count, using: &random))) }
    }

    mutating func head(_ status: Int, _ contentType: String, retryAfterMs: Int64? = nil) {
        steps.append(
            .attemptHead(attempt: number, status: status, contentType: contentType, retryAfterMs: retryAfterMs))
    }

    mutating func end(_ random: inout Seeded) {
        steps.append(
            random.once(in: 10)
                ? .attemptFailed(attempt: number, .ambiguous("reset")) : .attemptEnded(attempt: number))
    }

    /// Sends the bytes, cut anywhere.
    mutating func send(_ text: String, _ random: inout Seeded) {
        for piece in random.cut(Array(text.utf8)) { steps.append(.attemptBytes(attempt: number, piece)) }
    }
}

extension ProviderScript {
    static let statuses = [302, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529]

    private mutating func refuse(_ random: inout Seeded) {
        head(
            random.pick(Self.statuses), "application/json", retryAfterMs: random.once(in: 3) ? 120 : nil)
        let words = ["no", "your api key is wrong", "maximum context length", "content policy", "insufficient_quota"]
        if !random.once(in: 4) {
            send(#"{"error":{"message":"\#(random.pick(words))","type":"x"}}"#, &random)
        }
        end(&random)
    }

    private mutating func answer(_ random: inout Seeded) {
        head(200, "application/json")
        let chunk = Chunk(text: "plain", model: model(&random), usage: usage(&random))
        var text = #"{"id":"c","#
        if let model = chunk.model { text += #""model":"\#(model)","# }
        text += #""choices":[{"index":0,"message":{"content":"plain"},"finish_reason":"stop"}]"#
        if let usage = chunk.usage { text += "," + Self.json(usage) }
        text += "}"
        switch Int.random(in: 0..<10, using: &random) {
        case 0: send(#"{"error":{"message":"overloaded"}}"#, &random)
        case 1: send(#"{"model":"real","choices":[]}"#, &random)
        case 2: send(String(text.dropLast()), &random)
        default:
            answer = chunk
            answerBytes = text.utf8.count
            send(text, &random)
        }
        end(&random)
    }

    /// No model, a different one than declared, or a version of the declared one.
    func model(_ random: inout Seeded) -> String? {
        random.once(in: 4) ? nil : random.pick(["reported-\(number)", "real-\(number)-2026"])
    }

    func usage(_ random: inout Seeded) -> TokenUsage? {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: nil
        case 1: TokenUsage(input: 900_000_000, output: 900_000_000)
        default:
            TokenUsage(
                input: .random(in: 0...40, using: &random), cacheRead: .random(in: 0...5, using: &random),
                output: .random(in: 0...40, using: &random), reasoning: .random(in: 0...5, using: &random))
        }
    }

    static func json(_ usage: TokenUsage) -> String {
        let prompt = usage.input + usage.cacheRead + usage.cacheWrite
        return #""usage":{"prompt_tokens":\#(prompt),"completion_tokens":\#(usage.output + usage.reasoning),"#
            + #""prompt_tokens_details":{"cached_tokens":\#(usage.cacheRead)},"#
            + #""completion_tokens_details":{"reasoning_tokens":\#(usage.reasoning)}}"#
    }
}
