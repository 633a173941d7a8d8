import Foundation
import GatewayModel
import KeyMaterial
import Testing

@Suite struct HubKeyTests {
    private func key(_ seed: UInt64) -> HubKey { HubKey(random: (seed, ~seed, seed &* 7, .max)) }

    @Test("parses what it makes", arguments: [UInt64(0), 1, 0xdead_beef, .max])
    func roundTrip(seed: UInt64) throws {
        let text = key(seed).secret.reveal()
        #expect(text.utf8.count == HubKey.length && text.hasPrefix("sk-hub-"))
        #expect(try HubKey(parsing: text).secret.reveal() == text)
    }

    @Test("finds every single mistyped character")
    func mistyped() {
        let text = Array(key(5).secret.reveal())
        for at in 7..<text.count {
            var wrong = text
            wrong[at] = wrong[at] == "x" ? "y" : "x"
            #expect(throws: HubKey.ParseError.mistyped) { try HubKey(parsing: String(wrong)) }
        }
    }

    @Test(
        "tells foreign keys from mistyped ones",
        arguments: [("", false), ("sk-proj-1", false), ("sk-hub-", true), ("sk-hub-é", true)])
    func foreign(text: String, ours: Bool) {
        #expect(throws: ours ? HubKey.ParseError.mistyped : .notAHubKey) { try HubKey(parsing: text) }
    }
}

@Suite struct SecretFileTests {
    private func write(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/secret-\(UUID().uuidString)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private let one = "1:" + Data(repeating: 1, count: 32).base64EncodedString()
    private let two = "2:" + Data(repeating: 2, count: 32).base64EncodedString()

    @Test("two peppers overlap: new keys take the newest, old ones are still found")
    func overlap() throws {
        let key = HubKey(random: (1, 2, 3, 4))
        let old = KeyDigester(peppers: try SecretFile(path: write(one))).digest(of: key)
        let both = KeyDigester(peppers: try SecretFile(path: write(one + "\n" + two + "\n")))
        #expect(both.digest(of: key) != old)
        #expect(both.digests(of: key).last == old && both.digests(of: key).count == 2)
    }

    @Test("refuses malformed files", arguments: ["", "1", "x:AAAA", "1:AAAA", "1:####"])
    func malformed(text: String) throws {
        let path = try write(text)
        #expect(throws: SecretFile.ReadError.self) { try SecretFile(path: path) }
    }

    @Test("seals for one context and one purpose only")
    func seals() throws {
        let file = try SecretFile(path: write(one))
        let sealer = Sealer(file, purpose: .credentialAtRest)
        let sealed = try sealer.seal(Secret("sk-provider"), context: "credential|a")
        #expect(try sealer.open(sealed, context: "credential|a").reveal() == "sk-provider")
        #expect(throws: Sealer.SealError.self) { try sealer.open(sealed, context: "credential|b") }
        #expect(throws: Sealer.SealError.self) {
            try Sealer(file, purpose: .credentialInSnapshot).open(sealed, context: "credential|a")
        }
        #expect(throws: Sealer.SealError.self) { try sealer.open("1.AAAA", context: "credential|a") }
        #expect(throws: Sealer.SealError.self) { try sealer.open("9." + sealed.dropFirst(2), context: "credential|a") }
        #expect(try sealer.seal(Secret("sk-provider"), context: "credential|a") != sealed, "a fresh nonce each time")
    }
}
