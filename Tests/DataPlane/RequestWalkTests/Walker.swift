import Admission
import Foundation
import GatewayModel
import KeyMaterial
import PlaneContract
import RequestWalk
import Routing

/// Drives one walk by hand: sets the clock, feeds events, records actions.
struct Walker {
    static let key = HubKey(random: (1, 2, 3, 4))
    static let digester = KeyDigester(peppers: SecretFile.forTests)

    var walk: RequestWalk
    var now: Int64 = 0
    var actions: [WalkAction] = []
    /// Attempts whose transport has reported their end.
    var over: Set<Int> = []
    /// Work for the parsing thread is done at once, here.
    var parsesAtOnce = true

    /// - Parameter dialects: the deployments' dialects, in the order in which they are tried.
    init(
        fallbacks: Int = 2, maxOutputTokens: Int64 = 100, dialects: [String] = ["openai"], table: RoutingTable? = nil,
        afterClose: AfterClose = .stops, thinks: Bool = false, health: SharedHealthTable = SharedHealthTable(),
        cache: WalkCache? = nil
    ) {
        walk = RequestWalk(
            WalkContext(
                id: RequestID(milliseconds: 1, random: (1, 2)),
                world: WalkWorld(
                    loopID: "w", table: table ?? Self.table(fallbacks, maxOutputTokens, dialects, afterClose, thinks),
                    settings: WalkSettings(),
                    bounds: Bounds(),
                    digests: { Self.digester.digests(of: $0) }, health: health, cache: cache),
                wallMs: 10, randomSeed: 1))
    }

    @discardableResult
    mutating func feed(_ event: WalkEvent) -> [WalkAction] {
        switch event {
        case .attemptEnded(let number), .attemptFailed(let number, _): over.insert(number)
        default: break
        }
        let new = walk.handle(event, at: now)
        actions += new
        guard parsesAtOnce, case .parse(let body)? = new.last else { return new }
        return feed(.parsed(body.run()))
    }

    static let record = KeyRecord(
        keyID: "key_1", orgID: "org_1", name: "n", plan: "p", version: 1, orgVersion: 1, status: .active,
        expiresAtMs: nil,
        allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits())

    static let caller = Caller(record)

    static func head(_ authorization: String? = nil, path: String = "/v1/chat/completions", method: String = "POST")
        -> RequestHead
    {
        var head = RequestHead(
            method: method, target: path, authorization: authorization ?? "Bearer \(key.secret.reveal())",
            contentType: "application/json", contentEncoding: nil, contentLength: nil, corsHeaders: nil)
        head.hasOrigin = true
        head.acceptsTrailers = true
        return head
    }

    static func body(stream: Bool, usage: Bool = false) -> [UInt8] {
        let options = usage ? #","stream_options":{"include_usage":true}"# : ""
        return Array(
            #"{"model":"smart","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"stream":\#(stream)\#(options)}"#
                .utf8)
    }

    /// A verdict that holds `hold` and leaves `left` of the money; -1 is no limit.
    static func admission(holding hold: NanoUSD, left: Int64 = -1) -> AdmitAnswer {
        let periods = "202611/20261122,202611/20261122"
        return .verdict(
            AdmitVerdict(
                reply: ["0", "5", periods, String(hold.nano), String(left), "-1", "-1", "0", "-1", "-1", "0"]))
    }

    /// The hold the walk requested last.
    var askedHold: NanoUSD {
        actions.reduce(.zero) { if case .admit(let request) = $1 { request.hold } else { $0 } }
    }

    /// Runs up to the first attempt.
    mutating func dispatch(stream: Bool, usage: Bool = false, head: RequestHead = Walker.head()) {
        dispatch(Self.body(stream: stream, usage: usage), head: head)
    }

    mutating func dispatch(_ body: [UInt8], head: RequestHead = Walker.head()) {
        feed(.head(head))
        feed(.body(body))
        feed(.bodyEnd)
        feed(.keyFound(.found(Self.caller)))
        feed(.admitAnswered(Self.admission(holding: askedHold)))
    }

    mutating func stream(_ attempt: Int, _ datas: String...) {
        feed(.attemptHead(attempt: attempt, status: 200, contentType: "text/event-stream", retryAfterMs: nil))
        for data in datas { feed(.attemptBytes(attempt: attempt, Array("data: \(data)\n\n".utf8))) }
    }

    /// The limiter grants the hold requested last.
    mutating func grantHold() {
        let asked = actions.compactMap { if case .reportProgress(let report) = $0 { report.hold } else { nil } }.last
        feed(.progressAnswered(.held(asked ?? .zero, reason: nil)))
    }

    static let text =
        #"{"id":"c","model":"real","choices":[{"index":0,"delta":{"content":"four"},"finish_reason":null}]}"#
    static let finish = #"{"id":"c","model":"real","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#
    static let usage = #"{"id":"c","model":"real","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#

    private static func table(
        _ count: Int, _ maxOutputTokens: Int64, _ dialects: [String], _ afterClose: AfterClose, _ thinks: Bool
    ) -> RoutingTable {
        let model = ModelEntry(
            name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: maxOutputTokens,
            vision: false,
            tools: true,
            wantsMaxCompletionTokens: thinks, firstEventMs: thinks ? 60_000 : 1_000, idleMs: 500,
            prices: [
                Price(
                    id: 7, effectiveFromMs: 0, input: 1_000_000, cacheRead: 1_000_000, cacheWrite: 1_000_000,
                    output: 2_000_000, reasoning: 2_000_000)
            ])
        return RoutingTable(
            GatewaySnapshot(
                version: 1,
                providers: Set(dialects).sorted().map {
                    ProviderEntry(id: $0, dialect: $0, baseURL: "http://p/v1", allowedNetworks: [])
                },
                credentials: [], models: [model],
                deployments: (1...count).map {
                    DeploymentEntry(
                        id: "d\($0)", model: "m", provider: dialects[($0 - 1) % dialects.count], credential: nil,
                        upstreamModel: "real-\($0)", order: $0, weight: 1, afterClose: afterClose)
                },
                aliases: [
                    AliasEntry(name: "smart", needsVision: false, candidates: [.init(model: "m", order: 0, weight: 1)])
                ])
        ) { _ in nil }
    }
}

extension SecretFile {
    static var forTests: SecretFile {
        let path = FileManager.default.temporaryDirectory.path + "/pepper-\(UUID().uuidString)"
        try? ("1:" + Data(repeating: 1, count: 32).base64EncodedString()).write(
            toFile: path, atomically: true, encoding: .utf8)
        guard let file = try? SecretFile(path: path) else { fatalError("no temporary folder") }
        return file
    }
}

extension Walker {
    var settles: [SettleRequest] { actions.compactMap { if case .settle(let request) = $0 { request } else { nil } } }
    var attempts: [Int] {
        actions.compactMap { if case .startAttempt(let request) = $0 { request.attempt } else { nil } }
    }

    /// The status sent, if any.
    var status: Int? {
        for action in actions {
            if case .respond(let response, _) = action { return response.status }
            if case .respondHead(let status, _) = action { return status }
        }
        return nil
    }

    /// All bytes written to the caller.
    var written: String {
        var bytes: [UInt8] = []
        for action in actions {
            if case .respond(let response, _) = action { bytes += response.body }
            if case .respondBytes(let more) = action { bytes += more }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
