package import PlaneContract
internal import Postgres

/// The generations of the shards' counters, in `shard_epoch`.
extension LedgerStore {
    /// Records that these generations are about to begin.
    ///
    /// - Returns: false when one of them is not the newest.
    package func beginGenerations(_ generations: [(Shard, Int64)]) async throws -> Bool {
        let begun = try await pool.query(
            """
            update shard_epoch e set begun = e.gen
            from unnest($1::integer[], $2::bigint[]) as named (shard, gen) where e.shard = named.shard and e.gen = named.gen
            returning e.shard
            """,
            [
                PostgresArray.literal(generations.map { String($0.0.index) }),
                PostgresArray.literal(generations.map { String($0.1) }),
            ])
        return begun.count == generations.count
    }

    /// The newest generation of each shard that has begun; 0 before the first.
    package func begunGenerations() async throws -> [Shard: Int64] {
        let rows = try await pool.query("select shard, begun from shard_epoch")
        return Dictionary(rows.map { (Shard.all[Int($0.integer("shard"))], $0.integer("begun")) }) { first, _ in first }
    }

    /// Gives each shard the number of its next generation, which fences off any rebuild already under way.
    package func raiseGenerations(of shards: [Shard]) async throws -> [(Shard, Int64)] {
        let numbers = PostgresArray.literal(shards.map { String($0.index) })
        let rows = try await pool.query(
            "update shard_epoch set gen = gen + 1 where shard = any($1::integer[]) returning shard, gen", [numbers])
        return rows.map { (Shard.all[Int($0.integer("shard"))], $0.integer("gen")) }
    }
}
