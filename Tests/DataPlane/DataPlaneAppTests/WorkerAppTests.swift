import DataPlaneApp
import Foundation
import Glibc
import LimitScripts
import TestPeers
import Testing
import WorkerConfiguration

@Suite struct WorkerAppTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "app-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func environment(_ peer: RedisPeer, _ more: [String: String] = [:]) throws -> [String: String] {
        for name in ["pepper", "seal"] {
            try "1:\(Data(repeating: 5, count: 32).base64EncodedString())\n".write(
                toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        }
        let all = [
            "PEPPER_FILE": folder + "/pepper", "SEAL_KEY_FILE": folder + "/seal", "STATE_FOLDER": folder + "/state",
            "REDIS_URL": "redis://127.0.0.1:\(peer.port)", "PORT": "0", "OPERATIONS_PORT": "0", "THREADS": "2",
            "HEARTBEAT_MS": "100", "LISTENER_GRACE_SECONDS": "0",
        ].merging(more) { $1 }
        return Dictionary(uniqueKeysWithValues: all.map { ("AIHUB_WORKER_" + $0, $1) })
    }

    /// A limiter whose shards are all open.
    private func limiter() -> RedisPeer {
        RedisPeer { command in
            switch (command.name, command.name == "FCALL" ? command.words[1] : "") {
            case ("INFO", _): .text("run_id:abc\r\nmaxmemory_policy:noeviction\r\n")
            case ("HLEN", _): .integer(2)
            case (_, "gw2_reopen"): .array([.text("0")])
            case (_, "gw2_heartbeat"): .array([.text("1700"), .text("7"), .integer(LimitLibrary.revision)])
            case ("SUBSCRIBE", _): .array([.text("subscribe"), .text("cfg"), .integer(1)])
            default: .null
            }
        }
    }

    @Test(
        "SIGTERM drains the worker: heartbeats go on until it has drained, then it says farewell, and its journal goes")
    func stops() async throws {
        let peer = limiter()
        let url = "redis://someone:never-shown@127.0.0.1:\(peer.port)"
        let worker = try Program(
            "aihub-worker", environment: environment(peer, ["REDIS_URL": url, "LOG_LEVEL": "debug"]))
        #expect(await eventually { !peer.calls("gw2_heartbeat").isEmpty && worker.text.contains("worker serves") })
        worker.signal(SIGTERM)
        #expect(await worker.exitStatus() == 0)
        #expect(await eventually { worker.text.contains("worker ended") })
        #expect(worker.text.contains("draining"))
        #expect(!worker.text.contains("never-shown"))
        let farewell = LimitLibrary.Function.deregister.rawValue
        let functions = peer.commands("FCALL").map { $0[1] }
        let first = try #require(functions.firstIndex(of: farewell))
        #expect(!functions[first...].contains("gw2_heartbeat"))
        // All shards open, nothing owed: nothing is left for another worker to adopt.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/state/journal").isEmpty)
    }

    @Test("a second signal cuts the drain short")
    func hurried() async throws {
        let peer = limiter()
        let worker = try Program(
            "aihub-worker", environment: environment(peer, ["LISTENER_GRACE_SECONDS": "600", "DRAIN_SECONDS": "600"]))
        #expect(await eventually { worker.text.contains("worker serves") })
        worker.signal(SIGTERM)
        #expect(await eventually { worker.text.contains("draining") })
        worker.signal(SIGINT)
        #expect(await worker.exitStatus() == 0)
        #expect(await eventually { worker.text.contains("worker ended") })
    }

    @Test("a worker whose secrets or whose folder cannot be used does not start")
    func unusable() async throws {
        let peer = limiter()
        let settings = try WorkerSettings(environment: environment(peer), cores: 1)
        try FileManager.default.removeItem(atPath: folder + "/seal")
        await #expect(throws: (any Error).self) { try await WorkerApp(settings: settings).run() }
        let blocked = try WorkerSettings(
            environment: environment(peer, ["STATE_FOLDER": folder + "/pepper/state"]), cores: 1)
        await #expect(throws: (any Error).self) { try await WorkerApp(settings: blocked).run() }
        #expect(peer.commands.isEmpty)
    }
}
