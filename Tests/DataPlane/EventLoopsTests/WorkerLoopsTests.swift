import DataPlaneHTTP
import EventLoops
import Foundation
import GatewayModel
import Glibc
import Journal
import KeyMaterial
import LoopWatch
import Operations
import ProcessLimits
import Reactor
import ResponseCache
import Routing
import TestPeers
import Testing
import WorkerConfiguration

/// The loops of a worker, joined to a Redis that the test plays.
private final class Rig: Sendable {
    let folder = FileManager.default.temporaryDirectory.appending(path: "loops-\(UUID().uuidString)").path
    let metrics = MetricsRegistry()
    let loops: WorkerLoops
    let server: PublicServer
    private let journals: JournalFolder

    init(_ peer: RedisPeer) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in ["pepper", "seal"] {
            try "1:\(Data(repeating: 5, count: 32).base64EncodedString())\n".write(
                toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        }
        let settings = try WorkerSettings(
            environment: [
                "AIHUB_WORKER_PEPPER_FILE": folder + "/pepper", "AIHUB_WORKER_SEAL_KEY_FILE": folder + "/seal",
                "AIHUB_WORKER_STATE_FOLDER": folder, "AIHUB_WORKER_REDIS_URL": "redis://127.0.0.1:\(peer.port)",
            ], cores: 2)
        let secrets = try WorkerSecrets(settings)
        let log = RecordedLog().logger
        journals = try JournalFolder(folder + "/journal", boot: "w", segmentBytes: 1 << 20, log: log)
        loops = WorkerLoops(
            settings: settings, workerID: "w", journals: journals, digester: secrets.digester,
            cacheSecrets: secrets.cacheSecrets,
            memory: MemoryGuard(
                budgetBytes: 0, bodies: BodyBudget(settings.bounds, trustedProxies: []), metrics: metrics, log: log),
            health: SharedHealthTable(), metrics: metrics, log: log)
        server = try PublicServer(
            host: "127.0.0.1", port: 0, counter: ConnectionCounter(settings.bounds, trustedProxies: []),
            usesProxyProtocol: false)
        journals.start()
        loops.start()
        loops.serve(server)
    }

    func stop() {
        loops.stop()
        journals.stop(removing: true)
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The whole answer to one request on a connection of its own; `nil` when nobody accepts it.
    func ask(_ request: String) throws -> String {
        let connection = try Socket.connect(host: "127.0.0.1", port: server.port, timeoutMs: 60_000)
        defer { Socket.close(connection) }
        #expect(send(connection, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count)
        var answer = ""
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while Socket.wait(connection, writable: false, timeoutMs: 60_000) {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return answer
    }
}

@Suite struct WorkerLoopsTests {
    private static let info = "run_id:abc\r\nmaxmemory_policy:noeviction\r\n"
    private static let close = "Host: h\r\nConnection: close\r\n"

    @Test("a request without a key is refused on any loop, and counted by endpoint, status and error")
    func refused() throws {
        let rig = try Rig(RedisPeer { _ in .text(Self.info) })
        defer { rig.stop() }
        for _ in 0..<4 {
            #expect(try rig.ask("GET /v1/models HTTP/1.1\r\n\(Self.close)\r\n").hasPrefix("HTTP/1.1 401 "))
        }
        let count = rig.metrics.exposition.split(separator: "\n").first {
            $0.hasPrefix("aihub_worker_requests_total") && $0.contains("401")
        }
        #expect(count?.hasSuffix(" 4") == true, "\(rig.metrics.exposition)")
        #expect(rig.metrics.exposition.contains("aihub_worker_errors_total{type="))
    }

    @Test("without Redis a key cannot be checked: the answer is an outage of ours, not an unknown key")
    func unchecked() async throws {
        let peer = RedisPeer { _ in .text(Self.info) }
        peer.stop()
        let rig = try Rig(peer)
        defer { rig.stop() }
        await rig.loops.begin()
        let key = HubKey(random: (1, 2, 3, 4)).secret.reveal()
        let answer = try rig.ask("GET /v1/models HTTP/1.1\r\n\(Self.close)Authorization: Bearer \(key)\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(!rig.loops.haveOpenedAllShards)
    }

    @Test("every loop connects by itself, and the worker is open once all loops are")
    func opens() async throws {
        let peer = RedisPeer { command in
            command.name == "FCALL" && command.words[1] == "gw2_reopen" ? .array([.text("0")]) : .text(Self.info)
        }
        let rig = try Rig(peer)
        defer { rig.stop() }
        #expect(rig.loops.loopStatuses.map(\.loopID) == ["w.0", "w.1"])
        await rig.loops.begin()
        #expect(await eventually { rig.loops.haveOpenedAllShards })
        let asking = Set(peer.calls("gw2_reopen").flatMap { $0 }.filter { $0.hasPrefix("w.") })
        #expect(asking == ["w.0", "w.1"] && peer.accepted == 2)
        #expect(await rig.loops.unfinished() == 0)
        #expect(await rig.loops.ledgerHasEverything())
    }

    @Test("while it drains, an answer says that its connection closes; then nobody accepts")
    func drains() async throws {
        let rig = try Rig(RedisPeer { _ in .text(Self.info) })
        defer { rig.stop() }
        rig.loops.drain()
        // Without `Connection: close` of the client's: the server closes, or this would hang.
        let answer = try rig.ask("GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(answer.lowercased().contains("connection: close"))
        await rig.loops.stopListening()
        rig.server.close()
        #expect(throws: (any Error).self) { try rig.ask("GET / HTTP/1.1\r\n\r\n") }
    }
}
