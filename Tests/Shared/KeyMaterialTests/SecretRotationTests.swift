import Foundation
import GatewayModel
import KeyMaterial
import Testing

@Suite struct SecretRotationTests {
    private let path = FileManager.default.temporaryDirectory.path + "/secret-\(UUID().uuidString)"

    private func write(_ file: SecretFile) throws {
        try file.text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    private let old = SecretFile(versions: [.init(number: 4, bytes: Array(repeating: 4, count: 32))])

    @Test("added, used, dropped: each step stands in the file")
    func steps() throws {
        #expect(old.stage == .atRest)
        let added = old.adding()
        #expect(added.stage == .added && added.current == old.current && added.newest.number == 5)
        try write(added)
        let used = try SecretFile(path: path).usingNewest()
        #expect(used.stage == .used && used.current == added.newest && used.version(4) == old.current)
        try write(used)
        let kept = try SecretFile(path: path).keepingCurrent()
        #expect(kept.stage == .atRest && kept.current == added.newest && kept.version(4) == nil)
    }

    @Test("what one version sealed every file opens that holds it, and seals under the last")
    func opens() throws {
        let used = old.adding().usingNewest()
        let before = try Sealer(old, purpose: .credentialAtRest).seal(Secret("sk-1"), context: "a")
        let after = try Sealer(used, purpose: .credentialAtRest).seal(Secret("sk-1"), context: "a")
        #expect(Sealer.version(of: before) == 4 && Sealer.version(of: after) == 5)
        for sealed in [before, after] {
            #expect(try Sealer(used, purpose: .credentialAtRest).open(sealed, context: "a").reveal() == "sk-1")
        }
        #expect(throws: Sealer.SealError.self) {
            try Sealer(used.keepingCurrent(), purpose: .credentialAtRest).open(before, context: "a")
        }
    }

    @Test("a running process finds a version that its file has got meanwhile")
    func live() throws {
        try write(old)
        let live = try LiveSecret(path: path)
        let used = old.adding().usingNewest()
        let sealed = try Sealer(used, purpose: .credentialInSnapshot).seal(Secret("sk-1"), context: "a")
        let sealer = Sealer(live, purpose: .credentialInSnapshot)
        #expect(throws: Sealer.SealError.self) { try sealer.open(sealed, context: "a") }
        try write(used)
        #expect(try sealer.open(sealed, context: "a").reveal() == "sk-1")
        #expect(live.file == used)
    }

    @Test(
        "a file that is broken, empty, gone or too long changes nothing", arguments: ["", "5:AAAA\n", "nothing\n", nil])
    func broken(text: String?) throws {
        try write(old)
        let live = try LiveSecret(path: path, versionsMax: 2)
        if let text {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            try FileManager.default.removeItem(atPath: path)
        }
        #expect(!LiveSecret.refresh([live, nil]).isEmpty && live.file == old)
        try write(old.adding().adding())
        #expect(LiveSecret.refresh([live]).contains("more than 2 versions") && live.file == old)
        try write(old.adding())
        #expect(LiveSecret.refresh([live]).isEmpty && live.file != old)
    }

    @Test("a password may stand in a line of its own, and is replaced by one that may stand in a URL")
    func passwords() throws {
        try "correct:horse\n".write(toFile: path, atomically: true, encoding: .utf8)
        let plain = try SecretFile(path: path, allowsPlainPassword: true)
        #expect(plain.current.password == Secret("correct:horse") && plain.current.name == "0")
        #expect(throws: SecretFile.ReadError.self) { try SecretFile(path: path) }
        let used = plain.adding().usingNewest()
        #expect(used.text.hasPrefix("correct:horse\n1:"))
        #expect(used.current.password.reveal().allSatisfy { $0 != "/" && $0 != "+" && $0 != ":" })
        try write(used)
        #expect(try SecretFile(path: path, allowsPlainPassword: true) == used)
    }
}
