/// The keys of the state Redis, where the two planes meet. `{s}` is a shard's tag.
package enum RedisKeys {
    /// HASH `v` (version) and `record` (the snapshot's JSON), set together; the version never decreases.
    package static let snapshot = "cfg:snap"
    /// HASH `form` (the format of the records).
    ///
    /// Exists only if every key's record has been published since Redis was last wiped.
    ///
    /// Only then does a missing record mean that the key does not exist.
    package static let keySetComplete = "cfg:keys"
    /// HASH control plane -> up to when this Redis has all published changes, in milliseconds of PostgreSQL's clock.
    package static let publishedUpTo = "cfg:seen"
    /// Renamed to `keySetComplete` when all keys are published, unless a wipe has removed it in the meantime.
    ///
    /// - Parameter publication: a random name.
    package static func keySetInProgress(_ publication: String) -> String { "cfg:keys:" + publication }
    /// The channel of change notifications. Messages: `config <version>`, `key <digest> <version>` and `lost`.
    package static let changeChannel = "cfg"

    /// HASH of the workers' measurements per deployment (`DeploymentHealth.text`); the last write wins.
    package static let health = "health:deployments"

    /// HASH `v` and `record` (a `KeyRecord`'s JSON), set together; the version never decreases.
    package static func keyRecord(digest: String) -> String { "k:" + digest }
    /// HASH of a shard's generation, the versions of its keys and orgs, and its shares of plan budgets.
    package static func versions(_ shard: Shard) -> String { "c:" + shard.tag }
    /// HASH of the Redis run for which admissions are open, and of each worker's progress in replaying to a new one.
    package static func runIDs(_ shard: Shard) -> String { "run:" + shard.tag }
    /// STRING: the record of a request, a MessagePack map; a tombstone once the request is settled.
    package static func hold(_ shard: Shard, _ request: String) -> String { "h:" + shard.tag + ":" + request }
    /// ZSET of the ids of open requests by their deadline, in milliseconds of Redis's clock.
    package static func openHolds(_ shard: Shard) -> String { "o:" + shard.tag }
    /// STREAM of ended requests (`UsageEvent`) for the ledger.
    package static func usageStream(_ shard: Shard) -> String { "u:" + shard.tag }
    /// STRING `run_id generation id`: the ledger has every event up to this id of the usage stream.
    ///
    /// Valid only for that Redis process (its `run_id`) and that generation of the shard: others assign the same or
    /// lower ids to other events.
    package static func acknowledged(_ shard: Shard) -> String { "ack:" + shard.tag }
    /// HASH loop id -> its last heartbeat, in milliseconds of Redis's clock.
    package static func heartbeats(_ shard: Shard) -> String { "hb:" + shard.tag }
    /// HASH process -> `SecretReport`.
    package static let secretReports = "hb:secrets"
    /// STRING: all counters of one scope, a MessagePack array.
    package static func budget(_ shard: Shard, _ scope: String) -> String { "b:" + shard.tag + ":" + scope }

    /// The shard's tag in a key that lost counters leave behind and a rebuild removes: of a hold, of the open holds or
    /// of a scope's counters.
    ///
    /// - Returns: `nil` for any other key.
    package static func tag(ofLeftover key: String) -> String? {
        let parts = key.split(separator: ":", maxSplits: 2)
        return parts.count > 1 && ["h", "o", "b"].contains(parts[0]) ? String(parts[1]) : nil
    }

    /// The scope name of an org; keys use their plain ids.
    package static func orgScope(_ orgID: String) -> String { "o:" + orgID }

    /// The scope name of a plan's pool, the budget shared by its orgs.
    package static func poolScope(_ plan: String) -> String { "pool:" + plan }

    /// The field of `versions` with a shard's share of a pool on a day (`yyyymmdd`).
    package static func poolShare(_ plan: String, day: String) -> String { poolScope(plan) + ":" + day }
}

/// A message on `RedisKeys.changeChannel`.
package enum ChangeNotification: Equatable, Sendable {
    /// The snapshot now has this version.
    case config(Int64)
    /// The record of this key now has this version (`v` of `keyRecord`).
    case key(digest: String, version: Int64)
    /// Shards have lost their counters: workers must append what they know.
    case lost

    /// Parses a message; `nil` for any other text, such as the message of a newer release.
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
