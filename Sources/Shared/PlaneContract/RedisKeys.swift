/// The names under which the two planes meet in the state Redis. `{s}` is a shard's tag.
package enum RedisKeys {
    /// HASH `v` (the version) and `record` (the snapshot's JSON), raised together and never lowered.
    package static let snapshot = "cfg:snap"
    /// HASH `form` (which records), that stands where every key's record has been pushed since Redis was last wiped: only there a record that is missing
    /// means a key that does not exist.
    package static let keysAreWhole = "cfg:keys"
    /// HASH control plane -> up to when this Redis has what was published, in milliseconds of PostgreSQL's clock.
    package static let pushMarks = "cfg:seen"
    /// What becomes `keysAreWhole` when all are pushed, unless Redis is wiped meanwhile.
    package static func keysAreFilling(_ by: String) -> String { "cfg:keys:" + by }
    /// The doorbell channel. Messages: `config <version>`, `key <digest> <version>` and `lost`.
    package static let doorbell = "cfg"

    /// HASH of what workers measured of each deployment (`DeploymentHealth.text`), the last to write having the say.
    package static let health = "health:deployments"

    /// HASH `v` and `record` (a `KeyRecord`'s JSON), raised together and never lowered.
    package static func keyRecord(digest: String) -> String { "k:" + digest }
    package static func versions(_ shard: Shard) -> String { "c:" + shard.tag }
    package static func processes(_ shard: Shard) -> String { "run:" + shard.tag }
    package static func hold(_ shard: Shard, _ request: String) -> String { "h:" + shard.tag + ":" + request }
    package static func openHolds(_ shard: Shard) -> String { "o:" + shard.tag }
    package static func usageStream(_ shard: Shard) -> String { "u:" + shard.tag }
    /// STRING `run life id`: up to this id in the usage stream the ledger has everything that was filed with that process of
    /// Redis (its `run_id`) in that life of the shard. Another process, or a life after a loss, gives the same and lower ids
    /// to other events.
    package static func acknowledged(_ shard: Shard) -> String { "ack:" + shard.tag }
    package static func heartbeats(_ shard: Shard) -> String { "hb:" + shard.tag }
    /// HASH process -> `SecretReport`.
    package static let secretReports = "hb:secrets"
    package static func budget(_ shard: Shard, _ scope: String) -> String { "b:" + shard.tag + ":" + scope }

    /// The name of an org as a scope, beside the plain ids of keys.
    package static func orgScope(_ orgID: String) -> String { "o:" + orgID }

    /// The name of the pool of a plan as a scope: what all its orgs spend together.
    package static func poolScope(_ plan: String) -> String { "pool:" + plan }

    /// The field of `versions` that holds a shard's share of a pool on a day (`yyyymmdd`).
    package static func poolShare(_ plan: String, day: String) -> String { poolScope(plan) + ":" + day }
}

/// A message on the doorbell channel.
package enum Doorbell: Equatable, Sendable {
    /// The snapshot has this version now.
    case config(Int64)
    /// The record of this key has this version now (`v` of `keyRecord`).
    case key(digest: String, version: Int64)
    /// Shards' counters are lost: file what is known.
    case lost

    package init?(message: String) {
        let words = message.split(separator: " ")
        switch (words.first, words.count) {
        case ("config", 2):
            guard let version = Int64(words[1]) else { return nil }
            self = .config(version)
        case ("key", 3):
            guard let version = Int64(words[2]) else { return nil }
            self = .key(digest: String(words[1]), version: version)
        case ("lost", 1): self = .lost
        default: return nil
        }
    }

    package var message: String {
        switch self {
        case .config(let version): "config \(version)"
        case .key(let digest, let version): "key \(digest) \(version)"
        case .lost: "lost"
        }
    }
}
