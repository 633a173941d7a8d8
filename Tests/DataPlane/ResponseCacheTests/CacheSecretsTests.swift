import GatewayModel
import ResponseCache
import Testing

@Suite struct CacheSecretsTests {
    static let secrets = CacheSecrets(secret: [UInt8](repeating: 7, count: 32))
    static let body = CacheSecrets.digest(Array("body".utf8))
    static let definition = CacheSecrets.digest(Array("definition".utf8))
    static let key = secrets.key(org: "org_a", .chat, body: body, definition: definition)
    static let answer = CachedResponse(
        isStream: true, content: Array("data: {\"é\":1}\n\n".utf8), madeMs: 1_000, lifetimeMs: 60_000,
        cost: NanoUSD(77),
        priceID: 3, model: "modèle", deployment: "d-1")

    @Test("every part of the key counts, and the same parts give the same key")
    func keys() {
        let others = [
            Self.secrets.key(org: "org_b", .chat, body: Self.body, definition: Self.definition),
            Self.secrets.key(org: "org_a", .completion, body: Self.body, definition: Self.definition),
            Self.secrets.key(org: "org_a", .chat, body: Self.definition, definition: Self.definition),
            Self.secrets.key(org: "org_a", .chat, body: Self.body, definition: Self.body),
            CacheSecrets(secret: [UInt8](repeating: 8, count: 32)).key(
                org: "org_a", .chat, body: Self.body, definition: Self.definition),
        ]
        #expect(Set(others + [Self.key]).count == 6)
        #expect(Self.secrets.key(org: "org_a", .chat, body: Self.body, definition: Self.definition) == Self.key)
        #expect(Self.key.redisName.hasPrefix("answer1:") && Self.key.redisName.utf8.count == 8 + 64)
    }

    @Test("a vendor knows each org's prompts by names of its own, which no other org can ask for")
    func namesAtVendors() {
        func name(_ org: String, _ own: String) -> String {
            Self.secrets.promptCacheKey(org: org, own: Array(own.utf8))
        }
        let asked = ["", #""a""#, #""b""#, name("org_b", ""), "\"" + name("org_b", #""a""#) + "\""]
        let names = ["org_a", "org_b"].flatMap { org in asked.map { name(org, $0) } }
        #expect(Set(names).count == names.count && asked.allSatisfy { !names.prefix(asked.count).contains($0) })
        let isPlain = { (c: Character) in c.isLetter || c.isNumber || "-_".contains(c) }
        #expect(names.allSatisfy { $0.utf8.count == 32 && $0.allSatisfy(isPlain) })
        #expect(name("org_a", "") == name("org_a", ""))
    }

    @Test("an answer opens as it was sealed, and no two seals are alike")
    func sealed() throws {
        let one = try #require(Self.secrets.seal(Self.answer, for: Self.key))
        let other = try #require(Self.secrets.seal(Self.answer, for: Self.key))
        #expect(one != other && Self.secrets.open(one, for: Self.key) == Self.answer)
    }

    @Test("nothing opens that was changed, cut, made longer, moved or sealed by somebody else")
    func planted() throws {
        let sealed = try #require(Self.secrets.seal(Self.answer, for: Self.key))
        for at in sealed.indices {
            var changed = sealed
            changed[at] ^= 1
            #expect(Self.secrets.open(changed, for: Self.key) == nil)
            #expect(Self.secrets.open(Array(sealed[..<at]), for: Self.key) == nil)
        }
        #expect(Self.secrets.open(sealed + [0], for: Self.key) == nil)
        let elsewhere = Self.secrets.key(org: "org_b", .chat, body: Self.body, definition: Self.definition)
        #expect(Self.secrets.open(sealed, for: elsewhere) == nil)
        let foreign = CacheSecrets(secret: [UInt8](repeating: 9, count: 32)).seal(Self.answer, for: Self.key)
        #expect(Self.secrets.open(try #require(foreign), for: Self.key) == nil)
        for junk in ["", "garbage", String(repeating: "x", count: 4_000)] {
            #expect(Self.secrets.open(Array(junk.utf8), for: Self.key) == nil)
        }
    }

    @Test("what is larger than the bound is not opened")
    func bound() throws {
        var large = Self.answer
        large.content = [UInt8](repeating: 65, count: CachedResponse.contentBytesMax)
        #expect(Self.secrets.open(try #require(Self.secrets.seal(large, for: Self.key)), for: Self.key) == large)
        large.content.append(65)
        #expect(Self.secrets.open(try #require(Self.secrets.seal(large, for: Self.key)), for: Self.key) == nil)
    }

    @Test("an answer is fresh below its own time and its reader's, and one from the future is new")
    func fresh() {
        #expect(Self.answer.isFresh(at: 60_999, ageMsMax: .max) && !Self.answer.isFresh(at: 61_000, ageMsMax: .max))
        #expect(!Self.answer.isFresh(at: 3_000, ageMsMax: 2_000) && !Self.answer.isFresh(at: 1_000, ageMsMax: 0))
        #expect(Self.answer.isFresh(at: 0, ageMsMax: 1) && Self.answer.ageMs(at: 0) == 0)
    }
}
