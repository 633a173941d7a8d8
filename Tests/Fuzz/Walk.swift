import Admission
import GatewayModel
import JSONScan
import KeyMaterial
import PlaneContract
import RequestWalk
import Routing

/// Whatever a provider streams, the caller gets well-formed events that name a model and end with one `[DONE]`.
///
/// The request is settled once.
func fuzzWalk(_ input: FuzzInput) {
    guard let choice = input.bytes.first else { return }
    var call = Call(asksUsage: choice & 1 != 0)
    call.feed(
        .attemptHead(attempt: 1, status: 200, contentType: "text/event-stream", retryAfterMs: nil))
    for piece in input.pieces { call.feed(.attemptBytes(attempt: 1, piece)) }
    switch choice >> 1 & 3 {
    case 0: call.feed(.attemptEnded(attempt: 1))
    case 1: call.feed(.attemptFailed(attempt: 1, .ambiguous("reset")))
    case 2: call.feed(.timer(.total))
    default: call.feed(.clientGone)
    }
    // An answer that is read on without its caller has its own deadline.
    call.feed(.timer(.total))
    call.judge()
}

private struct Call {
    private static let key = HubKey(random: (1, 2, 3, 4))
    private static var world: WalkWorld {
        WalkWorld(
            loopID: "w", table: table, settings: WalkSettings(), bounds: Bounds(), digests: { _ in ["d"] },
            health: SharedHealthTable())
    }
    private static let caller = Caller(
        KeyRecord(
            keyID: "k", orgID: "o", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
            expiresAtMs: nil,
            allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits()))

    private var walk = RequestWalk(
        WalkContext(
            id: RequestID(milliseconds: 1, random: (1, 2)), world: world, wallMs: 10, randomSeed: 1))
    private var settles: [SettleRequest] = []
    private var written: [UInt8] = []
    private var status: Int?
    private var isAnswered = false
    private var isGone = false

    /// Runs up to the first attempt.
    init(asksUsage: Bool) {
        let options = asksUsage ? #","stream_options":{"include_usage":true}"# : ""
        let body = #"{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true\#(options)}"#
        feed(
            .head(
                RequestHead(
                    method: "POST", target: "/v1/chat/completions",
                    authorization: "Bearer \(Self.key.secret.reveal())", contentType: "application/json",
                    contentEncoding: nil, contentLength: nil, corsHeaders: nil)))
        feed(.body(Array(body.utf8)))
        feed(.bodyEnd)
        feed(.keyFound(.found(Self.caller)))
        let reply = [
            "0", "5", "202611/20261122,202611/20261122", "1000000000", "-1", "-1", "-1", "0", "-1", "-1", "0",
        ]
        feed(.admitAnswered(.verdict(AdmitVerdict(reply: reply))))
    }

    mutating func feed(_ event: WalkEvent) {
        if case .clientGone = event { isGone = true }
        for action in walk.handle(event, at: 1_000) {
            switch action {
            case .settle(let request): settles.append(request)
            case .respond(let response, _):
                status = response.status
                isAnswered = true
            case .respondHead(let committed, _): status = committed
            case .respondBytes(let bytes): written += bytes
            case .respondEnd: isAnswered = true
            default: break
            }
        }
    }

    func judge() {
        require(walk.isFinished, "the walk goes on")
        require(settles.count == 1, "\(settles.count) settles")
        require(isAnswered || isGone, "no answer")
        require(
            settles.allSatisfy { $0.cost >= .zero && $0.cost.nano <= 1_000_000_000 },
            "a charge out of bounds")
        guard status == 200 else { return require(written.isEmpty, "bytes without a status") }
        var lines = written.split(separator: 0x0a).map(Array.init)
        if isAnswered { require(lines.popLast() == Array("data: [DONE]".utf8), "no [DONE] at the end") }
        for line in lines { judge(line) }
    }

    private func judge(_ line: [UInt8]) {
        require(line.starts(with: "data: ".utf8), "a line that is no event")
        let json = Array(line.dropFirst(6))
        guard (try? JSONScanner.members(of: json)) != nil, let first = json.firstIndex(of: UInt8(ascii: "{")),
            let last = json.lastIndex(of: UInt8(ascii: "}"))
        else { return require(false, "an event that is no JSON") }
        json.withJSON { bytes in
            let event = JSONView(bytes, first..<(last + 1))
            if let error = event["error"], !error.isNull { return }
            require(event["model"]?.hasText == true, "an event without a model")
        }
    }

    private static let table: RoutingTable = {
        let price = Price(
            id: 1, effectiveFromMs: 0, input: 1_000_000, cacheRead: 1_000_000, cacheWrite: 1_000_000,
            output: 2_000_000, reasoning: 2_000_000)
        let model = ModelEntry(
            name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 100,
            vision: false,
            tools: true, wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 500,
            prices: [price])
        let deployment = DeploymentEntry(
            id: "d", model: "m", provider: "p", credential: nil, upstreamModel: "real", order: 0,
            weight: 1)
        let provider = ProviderEntry(
            id: "p", dialect: "openai", baseURL: "http://p/v1", allowedNetworks: [])
        return RoutingTable(
            GatewaySnapshot(
                version: 1, providers: [provider], credentials: [], models: [model],
                deployments: [deployment],
                aliases: [])
        ) { _ in nil }
    }()
}
