import Foundation
import GatewayModel
import KeyMaterial
import ResponseCache
import Testing
import WorkerConfiguration

@Suite struct WorkerSecretsTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func settings(pepper: [UInt8], sealKey: [UInt8]) throws -> WorkerSettings {
        for (name, bytes) in [("pepper", pepper), ("seal", sealKey)] {
            let lines = bytes.enumerated().map { "\($0 + 1):\(Data(repeating: $1, count: 32).base64EncodedString())\n" }
            try lines.joined().write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
        }
        return try WorkerSettings(
            environment: [
                "AIHUB_WORKER_PEPPER_FILE": folder + "/pepper", "AIHUB_WORKER_SEAL_KEY_FILE": folder + "/seal",
                "AIHUB_WORKER_STATE_FOLDER": folder,
            ], cores: 1)
    }

    @Test("a key has a digest a pepper, the newest first; an answer is found under the newest seal key alone")
    func read() throws {
        let secrets = try WorkerSecrets(settings(pepper: [1, 2], sealKey: [3, 4]))
        let key = HubKey(random: (1, 2, 3, 4))
        let (digests, newest) = (
            secrets.digester.digests(of: key), try WorkerSecrets(settings(pepper: [2], sealKey: [4]))
        )
        #expect(digests.count == 2 && digests.first == newest.digester.digests(of: key).first)
        let name = { (secrets: CacheSecrets) in secrets.key(org: "o", .chat, body: [1], definition: [2]) }
        #expect(name(secrets.cacheSecrets) == name(newest.cacheSecrets))
        let older = try WorkerSecrets(settings(pepper: [1], sealKey: [3]))
        #expect(name(older.cacheSecrets) != name(newest.cacheSecrets))
    }

    @Test("a worker does not start without its secrets")
    func missing() throws {
        let settings = try settings(pepper: [1], sealKey: [3])
        try FileManager.default.removeItem(atPath: folder + "/seal")
        #expect(throws: SecretFile.ReadError.self) { try WorkerSecrets(settings) }
    }
}
