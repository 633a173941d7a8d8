import Foundation
import PlaneContract
import RedisModel
import Rotation
import Testing

/// Which processes a rotation waits for.
@Suite struct SecretFleetTests {
    private let redis = RedisModel()
    private var fleet: SecretFleet { SecretFleet(redis: redis) }

    private func report(_ name: String, ageMs: Int64) throws {
        let nowMs = redis.with { $0.nowMs }
        let report = SecretReport(atMs: nowMs - ageMs, held: ["kek": ["1.ab"]], sealedUnder: nil)
        let text = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        redis.with { $0.hashes[RedisKeys.secretReports, default: [:]][name] = text }
    }

    private func beat(_ owner: String, ageMs: Int64, mark: String = "") {
        redis.with { state in
            state.hashes[RedisKeys.heartbeats(Shard.all[0]), default: [:]][owner] = String(state.nowMs - ageMs) + mark
        }
    }

    @Test("those with a recent report, and no others")
    func recent() async throws {
        try report("w-1", ageMs: SecretReport.expiryMs)
        try report("w-2", ageMs: SecretReport.expiryMs + 1)
        let found = try await fleet.processes()
        #expect(found.map(\.name) == ["w-1"])
        #expect(found[0].report?.holds("1.ab", of: .kek) == true)
    }

    @Test("a live process that reports nothing is there once, however many event loops it has")
    func older() async throws {
        beat("w-3.0", ageMs: 10)
        beat("w-3.1", ageMs: 10, mark: "!")
        beat("w-4.0", ageMs: SecretReport.expiryMs + 1)
        let found = try await fleet.processes()
        #expect(found.map(\.name) == ["w-3"] && found[0].report == nil)
    }

    @Test("a heartbeat does not hide a report")
    func both() async throws {
        try report("w-1", ageMs: 0)
        beat("w-1.0", ageMs: 0)
        let found = try await fleet.processes()
        #expect(found.count == 1 && found[0].report != nil)
    }

    @Test("control planes are told from workers by name")
    func kinds() async throws {
        try report("control-x", ageMs: 0)
        try report("w-1", ageMs: 0)
        #expect(try await fleet.processes().map(\.isControlPlane) == [true, false])
    }

    @Test("a report that cannot be read is none")
    func unreadable() async throws {
        redis.with { $0.hashes[RedisKeys.secretReports] = ["w-1": "{"] }
        #expect(try await fleet.processes().isEmpty)
    }

    @Test("reports of processes that ended more than a day ago are deleted")
    func stale() async throws {
        try report("w-1", ageMs: 86_400_000)
        try report("w-2", ageMs: 86_400_001)
        try await fleet.deleteStaleReports()
        #expect(redis.with { $0.hashes[RedisKeys.secretReports]?.keys.sorted() } == ["w-1"])
    }
}
