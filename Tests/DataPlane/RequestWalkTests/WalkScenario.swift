import GatewayModel
import RequestWalk

/// What a seed decides before its walk begins: the request, the bounds, and what each provider will do.
struct WalkScenario {
    static let bodyBytesMax = 4_096
    static let drainBytesMax = 100

    let seed: Int
    let isChat: Bool
    let head: RequestHead
    let body: [UInt8]
    let bodyPieces: [[UInt8]]
    let streams: Bool
    let wantsUsage: Bool
    let settings: WalkSettings
    let bounds: Bounds
    /// How many deployments there are; 0 is a worker without configuration.
    let deployments: Int
    /// The script of attempt `n` is `scripts[n - 1]`; there is one more than attempts are allowed.
    let scripts: [ProviderScript]
    /// Problems before a provider is reached: none for most seeds, so that most walks get far.
    let oddities: Set<Oddity>
    /// After how many steps something cuts the request short, if it runs that long.
    let cutAfter: Int
    let hasCache: Bool
    let afterCloses: Fixture.AfterCloses

    enum Oddity: CaseIterable { case head, body, endpoint, key, limiter, configuration }

    init(seed: Int, _ random: inout Seeded) {
        self.seed = seed
        var oddities: Set<Oddity> =
            random.once(in: 3) ? [random.pick(Oddity.allCases), random.pick(Oddity.allCases)] : []
        isChat = !oddities.contains(.endpoint)
        streams = random.once(in: 2)
        wantsUsage = streams && random.once(in: 2)
        settings = Self.settings(&random)
        bounds = Self.bounds(&random)
        deployments = oddities.contains(.configuration) ? 0 : Int.random(in: 1...4, using: &random)
        let good = Walker.body(stream: streams, usage: wantsUsage)
        // Other endpoints take no body, but sometimes get one.
        body = oddities.contains(.body) ? Self.oddBody(&random) : isChat || random.once(in: 4) ? good : []
        bodyPieces = random.cut(body)
        var head = oddities.contains(.head) ? Self.oddHead(&random) : Walker.head()
        if !isChat { (head.method, head.target) = random.pick(Self.otherTargets) }
        // A body is announced by its length or comes in chunks.
        head.hasBody = !body.isEmpty
        if random.once(in: 2) { head.contentLength = body.count }
        head.expectsContinue = head.hasBody && random.once(in: 6)
        hasCache = isChat && random.once(in: 2)
        // A cached answer that is refused all the same needs a limiter that refuses.
        if hasCache, random.once(in: 2) { oddities.insert(.limiter) }
        self.oddities = oddities
        if hasCache, random.once(in: 6) { head.cacheControl = random.pick(["no-cache", "no-store"]) }
        scripts = (1...4).map { [streams] in ProviderScript(attempt: $0, streams: streams, &random) }
        afterCloses = random.pick(Fixture.AfterCloses.allCases)
        cutAfter = random.once(in: 3) ? Int.random(in: 0...40, using: &random) : 200
        // Drawn from a copy, so that later draws stay the same for every seed.
        var aside = random
        head.acceptsTrailers = !aside.once(in: 4)
        self.head = head
    }

    private static let otherTargets = [
        ("GET", "/v1/models"), ("GET", "/v1/models/"), ("GET", "/v1/models/smart"), ("GET", "/v1/models/none"),
        ("HEAD", "/v1/me"), ("GET", "/v1/me"), ("GET", "/v1"), ("OPTIONS", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions"), ("POST", "/v1/unknown"), ("GET", "/me"),
    ]

    private static func settings(_ random: inout Seeded) -> WalkSettings {
        var settings = WalkSettings()
        settings.moneyWaitMs = random.pick([0, 100, 2_000, 10_000])
        settings.pingMs = random.pick([30, 100, 700, 15_000])
        settings.progressMs = random.pick([20, 200, 1_000])
        return settings
    }

    private static func bounds(_ random: inout Seeded) -> Bounds {
        var bounds = Bounds()
        bounds.bodyBytesMax = bodyBytesMax
        bounds.drainBytesMax = drainBytesMax
        bounds.totalMs = random.pick([200, 1_500, 600_000, 600_000])
        if random.once(in: 3) { bounds.trustedBodyBytesMax = 40 }
        if random.once(in: 3) { bounds.bodyBytesParsedInTurnMax = 40 }
        if random.once(in: 12) { bounds.streamBytesMax = 400 }
        if random.once(in: 12) { bounds.answerBytesMax = 100 }
        if random.once(in: 12) { bounds.errorBodyBytesMax = 20 }
        return bounds
    }

    private static func oddHead(_ random: inout Seeded) -> RequestHead {
        var head = Walker.head()
        switch Int.random(in: 0..<6, using: &random) {
        case 0: head.authorization = nil
        case 1: head.authorization = "Bearer sk-hub-mistyped"
        case 2: head.authorization = "Basic eDp5"
        case 3: head.contentType = "text/plain"
        case 4: head.contentEncoding = "gzip"
        default: head.contentType = nil
        }
        return head
    }

    private static func oddBody(_ random: inout Seeded) -> [UInt8] {
        let padding = String(repeating: "y", count: bodyBytesMax)
        let flawed = [
            "", "[]", "{", #"{"model":"smart"}"#, #"{"model":"nobody","messages":[{"role":"user","content":"hi"}]}"#,
            #"{"model":"smart","model":"m","messages":[{"role":"user","content":"hi"}]}"#,
            #"{"model":"smart","messages":[{"role":"user","content":"\#(padding)"}]}"#,
            #"{"model":"smart","messages":[{"role":"user","content":"\#(padding)\#(padding)"}]}"#,
        ]
        return Array(random.pick(flawed).utf8)
    }
}
