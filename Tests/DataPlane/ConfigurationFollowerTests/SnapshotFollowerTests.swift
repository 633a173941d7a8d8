import ConfigurationFollower
import Foundation
import GatewayModel
import KeyMaterial
import NIOPosix
import Operations
import PlaneContract
import Routing
import TestPeers
import Testing

@Suite struct SnapshotFollowerTests {
    private let file = FileManager.default.temporaryDirectory.appending(path: "snapshot-\(UUID().uuidString).json").path
    private let metrics = MetricsRegistry()
    private let log = RecordedLog()
    private let applied = Notes<RoutingTable>()
    private let forgotten = Notes<String>()
    private let lost = Notes<Int>()
    private let sealer: Sealer

    init() throws {
        let folder = FileManager.default.temporaryDirectory.path
        let path = folder + "/seal-\(UUID().uuidString)"
        try "3:\(Data(repeating: 9, count: 32).base64EncodedString())\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        sealer = Sealer(try SecretFile(path: path), purpose: .credentialInSnapshot)
    }

    private func follower(_ peer: RedisPeer) -> SnapshotFollower {
        SnapshotFollower(
            peer.endpoint, on: MultiThreadedEventLoopGroup.singleton.next(), file: file, sealer: sealer,
            metrics: metrics, log: log.logger, apply: { [applied] in applied.add($0) },
            forgetKey: { [forgotten] in forgotten.add("\($0) \($1)") }, onLost: { [lost] in lost.add(1) })
    }

    private func snapshot(_ version: Int64, format: Int = GatewaySnapshot.currentFormat, sealed: String? = nil) throws
        -> String
    {
        var snapshot = GatewaySnapshot(
            version: version, providers: [],
            credentials: try [
                CredentialEntry(id: "c", sealed: sealed ?? sealer.seal(Secret("sk"), context: "credential|c"))
            ], models: [], deployments: [], aliases: [])
        snapshot.format = format
        return String(decoding: try JSONEncoder().encode(snapshot), as: UTF8.self)
    }

    /// A Redis with these snapshots, the last of them in force.
    private func redis(_ snapshots: Notes<(version: Int64, text: String)>) -> RedisPeer {
        RedisPeer { command in
            switch (command.name, command.words.last) {
            case ("SUBSCRIBE", _): .array([.text("subscribe"), .text("cfg"), .integer(1)])
            case ("HGET", "v"): snapshots.all.last.map { .text("\($0.version)") } ?? .null
            default: snapshots.all.last.map { .text($0.text) } ?? .null
            }
        }
    }

    @Test("starts with the snapshot on disk, and without one has no configuration")
    func disk() throws {
        let follower = follower(RedisPeer { _ in .null })
        follower.startFromDisk()
        #expect(follower.version == 0 && applied.all.isEmpty)
        try snapshot(4).write(toFile: file, atomically: true, encoding: .utf8)
        follower.startFromDisk()
        #expect(follower.version == 4 && applied.all.count == 1 && follower.sealedUnder == [3])
        #expect(metrics.value("aihub_worker_config_version") == 4)
    }

    @Test("a snapshot that is unreadable or of a newer format is refused, and the last good one stays in force")
    func refused() throws {
        let follower = follower(RedisPeer { _ in .null })
        try snapshot(4).write(toFile: file, atomically: true, encoding: .utf8)
        follower.startFromDisk()
        for bad in ["{", try snapshot(5, format: GatewaySnapshot.currentFormat + 1)] {
            try bad.write(toFile: file, atomically: true, encoding: .utf8)
            follower.startFromDisk()
        }
        #expect(follower.version == 4 && applied.all.count == 1)
        #expect(metrics.value("aihub_worker_snapshots_refused_total") == 2)
    }

    @Test("one sealed under an unknown key waits while another is in force, and is used where there is none")
    func unknownKey() throws {
        let sealed = "8." + Data(repeating: 1, count: 40).base64EncodedString()
        try snapshot(5, sealed: sealed).write(toFile: file, atomically: true, encoding: .utf8)
        let fresh = follower(RedisPeer { _ in .null })
        fresh.startFromDisk()
        #expect(fresh.version == 5)
        let running = follower(RedisPeer { _ in .null })
        try snapshot(4).write(toFile: file, atomically: true, encoding: .utf8)
        running.startFromDisk()
        try snapshot(6, sealed: sealed).write(toFile: file, atomically: true, encoding: .utf8)
        running.startFromDisk()
        #expect(running.version == 4)
    }

    @Test("follows Redis to each newer version, and stores it for the next start, readable by this user only")
    func follows() async throws {
        let snapshots = Notes<(version: Int64, text: String)>()
        let peer = redis(snapshots)
        let follower = follower(peer)
        let following = Task { await follower.run() }
        snapshots.add((7, try snapshot(7)))
        #expect(await eventually { follower.version == 7 })
        snapshots.add((9, try snapshot(9)))
        #expect(await eventually { follower.version == 9 })
        #expect(
            await eventually { (try? String(contentsOfFile: file, encoding: .utf8))?.contains("\"version\":9") == true }
        )
        let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(rights == 0o600)
        // An older one may be what a lagging replica has, and does not come into force at once.
        snapshots.add((8, try snapshot(8)))
        let before = applied.all.count
        let looks: @Sendable () -> Int = { peer.commands("HGET").count { $0.last == "v" } }
        let looked = looks()
        #expect(await eventually { looks() >= looked + 2 })
        #expect(follower.version == 9 && applied.all.count == before)
        following.cancel()
        await following.value
    }

    @Test("a Redis without any snapshot was wiped, unless there never was one")
    func wiped() async throws {
        let snapshots = Notes<(version: Int64, text: String)>()
        let follower = follower(redis(snapshots))
        let following = Task { await follower.run() }
        #expect(await eventually { !log.all.isEmpty || metrics.value("aihub_worker_config_version") == 0 })
        #expect(lost.all.isEmpty)
        try snapshot(4).write(toFile: file, atomically: true, encoding: .utf8)
        follower.startFromDisk()
        #expect(await eventually { !lost.all.isEmpty })
        following.cancel()
        await following.value
    }

    @Test("notifications name the key that changed and counters that are lost; others are ignored")
    func notifications() async throws {
        let messages = ["key abc 12", "lost", "what 1"].map { text in
            "*3\r\n$7\r\nmessage\r\n$3\r\ncfg\r\n$\(text.utf8.count)\r\n\(text)\r\n"
        }.joined()
        let peer = RedisPeer { command in
            command.name == "SUBSCRIBE"
                ? .raw("*3\r\n$9\r\nsubscribe\r\n$3\r\ncfg\r\n:1\r\n" + messages) : .null
        }
        let follower = follower(peer)
        let following = Task { await follower.run() }
        #expect(await eventually { lost.all.count == 1 })
        #expect(forgotten.all == ["abc 12"])
        following.cancel()
        await following.value
    }
}
