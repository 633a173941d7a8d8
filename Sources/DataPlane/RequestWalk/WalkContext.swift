package import GatewayModel
package import KeyMaterial
package import Routing

/// What a walk is given at its start: everything it knows of the world, frozen.
package struct WalkContext {
    package var id: RequestID
    /// The worker's name in holds and events.
    package var owner: String
    package var table: RoutingTable
    package var settings: WalkSettings
    /// Milliseconds since 1970 UTC at the start of the request.
    package var wallMs: Int64
    package var randomSeed: UInt64
    package var digests: (HubKey) -> [String]
    package var isResting: (String) -> Bool

    package init(
        id: RequestID, owner: String, table: RoutingTable, settings: WalkSettings, wallMs: Int64, randomSeed: UInt64,
        digests: @escaping (HubKey) -> [String], isResting: @escaping (String) -> Bool
    ) {
        self.id = id
        self.owner = owner
        self.table = table
        self.settings = settings
        self.wallMs = wallMs
        self.randomSeed = randomSeed
        self.digests = digests
        self.isResting = isResting
    }
}

/// The bounds of a request.
package struct WalkSettings: Sendable {
    package var bodyBytesMax = 20 << 20
    package var answerBytesMax = 32 << 20
    package var streamBytesMax = 64 << 20
    package var errorBodyBytesMax = 64 << 10
    /// All attempts together.
    package var totalMs: Int64 = 600_000
    package var pingMs: Int64 = 15_000
    package var progressMs: Int64 = 1_000
    /// How long a deployment rests after it failed without saying for how long.
    package var restMs: Int64 = 5_000
    package var restMsMax: Int64 = 60_000
    /// How much longer than the request its hold lives before the sweeper takes it.
    package var holdGraceMs: Int64 = 30_000

    package init() {}
}

/// A small generator for choices that need no secrecy (SplitMix64), so that a seed replays a walk exactly.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
