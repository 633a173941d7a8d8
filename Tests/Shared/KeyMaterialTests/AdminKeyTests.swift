import Foundation
import GatewayModel
import KeyMaterial
import Testing

@Suite struct AdminKeyTests {
    private let text = AdminKey(random: (1, 2, 3, .max)).secret.reveal()

    @Test("parses what it makes, and neither kind of key is the other")
    func kinds() throws {
        #expect(text.hasPrefix("sk-hub-admin-"))
        #expect(AdminKey(parsing: text)?.secret.reveal() == text)
        #expect(throws: HubKey.ParseError.mistyped) { try HubKey(parsing: text) }
        #expect(AdminKey(parsing: HubKey(random: (1, 2, 3, .max)).secret.reveal()) == nil)
    }

    @Test("finds every single mistyped character, and every length but its own")
    func mistyped() {
        let characters = Array(text)
        for at in characters.indices {
            var wrong = characters
            wrong[at] = wrong[at] == "x" ? "y" : "x"
            #expect(AdminKey(parsing: String(wrong)) == nil)
        }
        for wrong in ["", "sk-hub-admin-", text + "0", String(text.dropLast())] {
            #expect(AdminKey(parsing: wrong) == nil)
        }
    }

    @Test("what is shown of it, and what is left of it in a message, has no more than eight of its characters")
    func shown() {
        let key = AdminKey(parsing: text)
        #expect(key?.display == text.prefix(17) + "…" + text.suffix(4))
        #expect(HubKey.redacted("Bearer \(text), please") == "Bearer sk-hub-admin-…, please")
        let hubKey = HubKey(random: (1, 2, 3, 4)).secret.reveal()
        #expect(HubKey.redacted("\(hubKey)|\(text)") == "sk-hub-…|sk-hub-admin-…")
        #expect(HubKey.redacted("sk-hub-admin-key is a word") == "sk-hub-admin-key is a word")
    }

    @Test("its digest depends on the pepper, and is found under an older one")
    func digest() throws {
        let key = AdminKey(random: (1, 2, 3, 4))
        let pepper = { SecretFile.Version(number: $0, bytes: Array(repeating: UInt8($0), count: 32)) }
        let old = KeyDigester(peppers: SecretFile(versions: [pepper(1)])).digest(of: key)
        let both = KeyDigester(peppers: SecretFile(versions: [pepper(1), pepper(2)]))
        #expect(both.digests(of: key) == [both.digest(of: key), old])
        #expect(both.digest(of: key) != old)
    }
}
