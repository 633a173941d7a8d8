import Admission
import Foundation
import GatewayModel
import KeyMaterial
import PlaneContract
import ProviderResponses
import RequestWalk
import Routing

/// Runs the commands on standard input, one per line, and prints each result.
///
/// `request PATH DIALECT FILE`, `stream - DIALECT FILE`, `answer PATH DIALECT FILE`, `error - - FILE`. Only work inside
/// `growthMeasured` is to be counted.
@main struct Growth {
    static func main() {
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 4, let data = FileManager.default.contents(atPath: words[3]) else {
                fatalError("not readable: \(line)")
            }
            let bytes = [UInt8](data)
            var made = Exchange(path: words[1], dialect: words[2])
            if words[0] == "stream" || words[0] == "answer" { made.begin(streams: words[0] == "stream") }
            measured {
                switch words[0] {
                case "request": made.request(bytes)
                case "stream": made.stream(bytes)
                case "answer": made.answer(bytes)
                default: made.refusal(bytes)
                }
            }
            print(made.outcome)
            fflush(nil)
        }
    }

    private static func measured(_ work: () -> Void) {
        withoutActuallyEscaping(work) { escapable in
            let box = Work(escapable)
            growthMeasured(Unmanaged.passUnretained(box).toOpaque())
        }
    }
}

private final class Work {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

/// callgrind counts inside this function, which it finds by name.
@inline(never)
func growthMeasured(_ work: UnsafeMutableRawPointer) { Unmanaged<Work>.fromOpaque(work).takeUnretainedValue().run() }

/// One request's walk.
private struct Exchange {
    private static let key = HubKey(random: (1, 2, 3, 4))
    private static let caller = Caller(
        KeyRecord(
            keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active, expiresAtMs: nil,
            allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits()))

    private let path: String
    private var walk: RequestWalk
    private(set) var outcome = "nothing"

    init(path: String, dialect: String) {
        self.path = path == "-" ? "/v1/chat/completions" : path
        let world = WalkWorld(
            loopID: "w", table: Self.table(dialect, Self.kind(of: path)), settings: WalkSettings(), bounds: Bounds(),
            digests: { _ in ["d"] }, health: SharedHealthTable())
        walk = RequestWalk(
            WalkContext(id: RequestID(milliseconds: 1, random: (1, 2)), world: world, wallMs: 10, randomSeed: 1))
        feed(
            .head(
                RequestHead(
                    method: "POST", target: self.path, authorization: "Bearer \(Self.key.secret.reveal())",
                    contentType: "application/json", contentEncoding: nil, contentLength: nil, corsHeaders: nil)))
    }

    /// Runs up to the provider.
    mutating func request(_ body: [UInt8]) {
        feed(.body(body))
        feed(.bodyEnd)
        feed(.keyFound(.found(Self.caller)))
        feed(.beginAnswered(.verdict(.begun)))
        let reply = ["0", "5", "202611/20261122,202611/20261122", "1000000000", "-1", "-1", "-1", "0", "-1", "-1", "0"]
        feed(.admitAnswered(.verdict(AdmitVerdict(reply: reply))))
    }

    mutating func begin(streams: Bool) {
        switch Self.kind(of: path) {
        case "embedding": request(Array(#"{"model":"m","input":"x","encoding_format":"base64"}"#.utf8))
        case "image": request(Array(#"{"model":"m","prompt":"x"}"#.utf8))
        default:
            request(Array(#"{"model":"m","messages":[{"role":"user","content":"x"}],"n":1,"stream":\#(streams)}"#.utf8))
        }
    }

    private static let pieceBytes = 16 << 10

    /// The bytes split as a socket would deliver them.
    mutating func stream(_ bytes: [UInt8]) {
        feed(.attemptHead(attempt: 1, status: 200, contentType: "text/event-stream", retryAfterMs: nil))
        for at in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
            feed(.attemptBytes(attempt: 1, Array(bytes[at..<min(at + Self.pieceBytes, bytes.count)])))
        }
        feed(.attemptEnded(attempt: 1))
    }

    mutating func answer(_ bytes: [UInt8]) {
        feed(.attemptHead(attempt: 1, status: 200, contentType: "application/json", retryAfterMs: nil))
        for at in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
            feed(.attemptBytes(attempt: 1, Array(bytes[at..<min(at + Self.pieceBytes, bytes.count)])))
        }
        feed(.attemptEnded(attempt: 1))
    }

    mutating func refusal(_ bytes: [UInt8]) {
        _ = ProviderRefusal(status: 400, body: bytes)
        outcome = "read"
    }

    private mutating func feed(_ event: WalkEvent) {
        for action in walk.handle(event, at: 1_000) {
            switch action {
            case .parse(let body): feed(.parsed(body.run()))
            case .startAttempt(let request): outcome = "sent \(request.body.count)"
            case .respond(let response, _):
                let text = String(decoding: response.body.prefix(160), as: UTF8.self)
                outcome = "answered \(response.status) \(response.status == 200 ? "" : text)"
            case .respondEnd: outcome = "ended"
            default: break
            }
        }
    }

    private static func kind(of path: String) -> String {
        path.hasSuffix("embeddings") ? "embedding" : path.hasSuffix("generations") ? "image" : "chat"
    }

    private static func table(_ dialect: String, _ kind: String) -> RoutingTable {
        let price = Price(
            id: 1, effectiveFromMs: 0, input: 0, cacheRead: 0, cacheWrite: 0, output: 0, reasoning: 0)
        let model = ModelEntry(
            name: "m", vendor: "v", kind: kind, created: 0, contextWindow: nil, maxOutputTokens: 100, vision: true,
            tools: true,
            wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 500, prices: [price])
        let deployment = DeploymentEntry(
            id: "d", model: "m", provider: "p", credential: nil, upstreamModel: "claude-sonnet-4-5", order: 0, weight: 1
        )
        let provider = ProviderEntry(
            id: "p", dialect: dialect == "-" ? "vllm" : dialect, baseURL: "http://p/v1", allowedNetworks: [])
        return RoutingTable(
            GatewaySnapshot(
                version: 1, providers: [provider], credentials: [], models: [model], deployments: [deployment],
                aliases: [])
        ) { _ in nil }
    }
}
