import Foundation
import KeyMaterial
import PlaneContract
import Redis
import RedisModel
import Rotation
import Synchronization
import Testing

/// The rotation of the seal key on real files, with processes that reread them and report as workers do.
@Suite(.timeLimit(.minutes(30))) struct SealKeyRotationTests {
    /// A process that rereads its file once every so many reports, and seals under what it then finds.
    private struct Process: Sendable {
        var name: String
        var reportsPerRead: Int
        var held: [SecretFile.Version] = []
        var sealedUnder: Int?
        var reports = 0

        mutating func report(_ path: String, atMs: Int64) throws -> String {
            if reports % reportsPerRead == 0 { held = try SecretFile(path: path).versions }
            reports += 1
            // What is seen after a read is sealed one report later.
            defer { sealedUnder = held.last?.number }
            let report = SecretReport(
                atMs: atMs, held: [SecretName.sealKey.rawValue: held.map(\.name)], sealedUnder: sealedUnder.map { [$0] }
            )
            return String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        }
    }

    private final class World: Sendable {
        let state = Mutex((processes: [Process](), lines: [String](), faults: [String]()))
    }

    private let world = World()
    private let redis = RedisModel()
    private let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("seal-key-\(UUID().uuidString)").path
        try PrivateSecret.write([(1, 1)], to: path)
        world.state.withLock {
            $0.processes = [
                Process(name: "w-1", reportsPerRead: 1), Process(name: "w-2", reportsPerRead: 3),
                Process(name: "control-1", reportsPerRead: 2),
            ]
        }
    }

    /// Lets every process report before the fleet is read, and checks that each can open what the others seal.
    private func live() {
        let (world, path) = (world, path)
        redis.beforeEachCommand { state, words in
            guard words.contains(RedisKeys.secretReports) else { return }
            let nowMs = state.nowMs
            world.state.withLock { all in
                for at in all.processes.indices {
                    let text = try? all.processes[at].report(path, atMs: nowMs)
                    state.hashes[RedisKeys.secretReports, default: [:]][all.processes[at].name] = text
                }
                for sealer in all.processes {
                    guard let used = sealer.held.last else { continue }
                    for reader in all.processes where !reader.held.contains(used) {
                        all.faults.append("\(reader.name) cannot open what \(sealer.name) seals under \(used.number)")
                    }
                }
            }
        }
    }

    private func rotation(waitSeconds: Int = 60) -> SecretRotation {
        let settings = RotationSettings(
            kekFile: "", sealKeyFile: path, pepperFile: "", workersRedisPasswordFile: "", stateRedisPasswordFile: nil,
            rotatorRedisPasswordFile: "", stateRedis: RedisEndpoint(host: "127.0.0.1", port: 1), postgresURL: "",
            stateRedisPasswordSetting: "")
        return SecretRotation(settings: settings, waitSeconds: waitSeconds, redis: redis) { [world] line in
            world.state.withLock { $0.lines.append(line) }
        }
    }

    private var numbers: [Int] { get throws { try SecretFile(path: path).versions.map(\.number) } }
    private var lines: [String] { world.state.withLock { $0.lines } }
    private var faults: [String] { world.state.withLock { $0.faults } }

    @Test("no process ever seals what another cannot open, and at the end only the new version is left")
    func whole() async throws {
        live()
        try await rotation().rotateSealKey()
        #expect(faults.isEmpty)
        #expect(try numbers == [2])
    }

    @Test("continues from a file with a version that was added, or is in use", arguments: [[2, 1], [1, 2]])
    func continues(order: [Int]) async throws {
        try PrivateSecret.write(order.map { ($0, UInt8($0)) }, to: path)
        live()
        try await rotation().rotateSealKey()
        #expect(try numbers == [2])
        #expect(try SecretFile(path: path).current.bytes == Array(repeating: 2, count: 32))
    }

    @Test("names the process it waits for, gives up in time, and leaves the file to continue from")
    func laggard() async throws {
        let held = try SecretFile(path: path).versions
        world.state.withLock {
            $0.processes[1].held = held
            $0.processes[1].reports = 1
            $0.processes[1].reportsPerRead = .max
        }
        live()
        await #expect(throws: SecretRotation.RotationError.self) { try await rotation(waitSeconds: 0).rotateSealKey() }
        #expect(lines.contains { $0.hasPrefix("waiting until") && $0.contains("w-2") && $0.contains("hold version 2") })
        #expect(try numbers == [2, 1], "the new version is there, and the old one still in use")
    }

    @Test("a process that still seals under the old version keeps it from being dropped")
    func oldSeals() async throws {
        try PrivateSecret.write([(1, 1), (2, 2)], to: path)
        live()
        redis.with { state in
            let beat = String(state.nowMs)
            state.hashes[RedisKeys.heartbeats(Shard.all[0])] = ["w-9.0": beat]
        }
        await #expect(throws: SecretRotation.RotationError.self) { try await rotation(waitSeconds: 0).rotateSealKey() }
        #expect(lines.contains { $0.contains("w-9") }, "it is alive and reports nothing")
        #expect(try numbers == [1, 2])
    }

    @Test("without Redis it changes nothing that cannot be continued")
    func unreachable() async throws {
        redis.with { $0.isReachable = false }
        await #expect(throws: SecretRotation.RotationError.self) { try await rotation(waitSeconds: 0).rotateSealKey() }
        #expect(lines.contains { $0.contains("the state Redis") })
        #expect(try numbers == [2, 1])
    }
}

/// Secret files as tests write them.
enum PrivateSecret {
    static func write(_ versions: [(Int, UInt8)], to path: String) throws {
        let lines = versions.map { "\($0.0):" + Data(repeating: $0.1, count: 32).base64EncodedString() }
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }
}
