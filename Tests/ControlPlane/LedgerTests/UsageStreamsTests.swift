import Ledger
import PlaneContract
import RedisModel
import Testing

/// Reading usage streams of a Redis in memory.
@Suite struct UsageStreamsTests {
    private let redis = RedisModel()
    private var streams: UsageStreams { UsageStreams(redis: redis) }
    private let starts = Shard.all.map { _ in "0-0" }

    private func fill(_ shard: Int, _ count: Int, from first: Int = 1) {
        redis.with { state in
            state.streams[RedisKeys.usageStream(Shard.all[shard]), default: []] += (0..<count).map {
                RedisState.Entry(id: "\(first + $0)-0", fields: ["id", "r", "kind", "final", "event", "{}"])
            }
        }
    }

    @Test("reads what lies behind the cursors, and says which process answered")
    func behindCursors() async throws {
        fill(4, 3)
        var cursors = starts
        cursors[4] = "2-0"
        let read = try await streams.read(after: cursors, from: 0)
        #expect(read.runID == "run1")
        #expect(read.entries.map(\.streamID) == ["3-0"] && read.entries.map(\.shard) == [4])
    }

    @Test("no stream gets more than its part of a turn")
    func perShard() async throws {
        fill(4, UsageStreams.entriesPerShard + 1)
        #expect(try await streams.read(after: starts, from: 0).entries.count == UsageStreams.entriesPerShard)
    }

    @Test("a turn is bounded, and the next one begins with the shards that waited")
    func perTurn() async throws {
        for shard in 0..<8 { fill(shard, UsageStreams.entriesPerShard) }
        fill(40, 1)
        let first = try await streams.read(after: starts, from: 0).entries
        #expect(first.count >= UsageStreams.entriesPerTurn && !first.contains { $0.shard == 40 })
        let next = try await streams.read(after: starts, from: 40).entries
        #expect(next.first?.shard == 40)
    }

    @Test("every shard comes first in some turn, and the count of turns may exceed theirs")
    func rotation() async throws {
        for shard in 0..<Shard.count { fill(shard, 1) }
        for turn in [0, 63, 64, 1_000_001] {
            let entries = try await streams.read(after: starts, from: turn).entries
            #expect(entries.count == Shard.count && entries.first?.shard == turn % Shard.count)
        }
    }

    @Test("the end of a stream is its last entry, and an empty one has none")
    func ends() async throws {
        fill(4, 3)
        let ends = try await streams.ends()
        #expect(ends[4] == StreamID("3-0") && ends.count { $0 != nil } == 1)
    }

    @Test("acknowledges by process and generation, and not for a shard without one")
    func acknowledges() async throws {
        try await streams.acknowledge([4: "3-0", 5: "9-0"], runID: "run1", generations: [4: "2"])
        #expect(redis.with { $0.strings } == [RedisKeys.acknowledged(Shard.all[4]): "run1 2 3-0"])
    }

    @Test("trims only what is both recorded and old")
    func trims() async throws {
        fill(4, 3)
        fill(5, 3)
        // Far ahead of any clock, so that only the cursor can keep it from being trimmed.
        fill(6, 1, from: 99_999_999_999_999)
        var cursors = starts
        cursors[4] = "3-0"
        cursors[6] = "99999999999999-0"
        try await streams.trim(upTo: cursors)
        let left = redis.with { state in
            [4, 5, 6].map { state.streams[RedisKeys.usageStream(Shard.all[$0])]?.map(\.id) }
        }
        #expect(left == [["3-0"], ["1-0", "2-0", "3-0"], ["99999999999999-0"]])
    }
}
