import GatewayModel
import Reactor
import ResponseCache

let secrets = CacheSecrets(secret: [UInt8](repeating: 7, count: 32))

func cacheKey(_ body: String) -> CacheKey {
    secrets.key(org: "org_1", .chat, body: Array(body.utf8), definition: [1])
}

func id(_ number: UInt64) -> RequestID { RequestID(milliseconds: 1_700_000_000_000, random: (number, number)) }

func answer(_ model: String, madeMs: Int64 = 0, lifetimeMs: Int64 = 60_000) -> CachedResponse {
    CachedResponse(
        isStream: false, content: Array("{}".utf8), madeMs: madeMs, lifetimeMs: lifetimeMs, cost: NanoUSD(5),
        priceID: 1,
        model: model, deployment: "d")
}
