internal import LimitScripts
internal import PlaneContract
internal import Redis
internal import StateRedisAccess

extension StateRedis {
    /// Keys examined per SCAN.
    private static let keysPerScan = 1_000

    /// Removes leftover requests and counters of the shards that are being rebuilt.
    ///
    /// - Returns: false when Redis was wiped again or another control plane has taken over.
    func clear(_ generations: [Shard: Int64]) async throws -> Bool {
        let shards = Dictionary(generations.keys.map { ($0.tag, $0) }) { first, _ in first }
        var cursor = "0"
        repeat {
            guard let page = try await client.call("SCAN", cursor, "COUNT", String(Self.keysPerScan)).array,
                page.count == 2
            else { return false }
            cursor = page[0].string ?? "0"
            var leftovers: [Shard: [String]] = [:]
            for key in (page[1].array ?? []).compactMap(\.string) {
                guard let tag = RedisKeys.tag(ofLeftover: key), let shard = shards[tag] else { continue }
                leftovers[shard, default: []].append(key)
            }
            let replies = try await pipeline(
                leftovers.map { shard, keys in
                    Self.command(
                        .clear, [RedisKeys.versions(shard), RedisKeys.runIDs(shard)] + keys,
                        [String(generations[shard] ?? 0)])
                })
            guard replies.allSatisfy({ $0.array?.first?.integer == 0 }) else { return false }
        } while cursor != "0"
        return true
    }
}
