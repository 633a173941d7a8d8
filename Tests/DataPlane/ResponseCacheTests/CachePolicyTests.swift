import ResponseCache
import Testing

@Suite struct CachePolicyTests {
    @Test(
        "directives are read whatever their case, space and company",
        arguments: [
            (nil, false, false, Int64.max), ("", false, false, .max), ("no-store", true, false, .max),
            ("No-Cache", false, true, .max), ("max-age=5", false, false, 5_000), ("max-age=0", false, true, 0),
            (" private , NO-STORE,no-cache", true, true, .max), ("max-age=\"7\", max-age=9", false, false, 7_000),
            ("max-age=x, no-store-at-all, xno-cache", false, false, .max), ("max-age=-1", false, false, .max),
            ("max-age=99999999999999999999", false, false, (1 << 31) * 1_000),
        ] as [(String?, Bool, Bool, Int64)])
    func directives(value: String?, forbidsKeeping: Bool, forbidsReading: Bool, ageMsMax: Int64) {
        let control = CacheControl(value)
        #expect(control.forbidsKeeping == forbidsKeeping && control.forbidsReading == forbidsReading)
        #expect(control.ageMsMax == ageMsMax)
    }

    @Test(
        "the shorter time of key and name counts; the default where neither says; 0 is off",
        arguments: [
            (nil, nil, 3_600), (60, nil, 60), (nil, 60, 60), (60, 30, 30), (7_200, nil, 7_200), (0, nil, nil),
            (nil, 0, nil), (60, 0, nil), (1_000_000, nil, 86_400),
        ] as [(Int64?, Int64?, Int64?)])
    func lifetimes(key: Int64?, name: Int64?, expected: Int64?) {
        let policy = CachePolicy(defaultSeconds: 3_600, keySeconds: key, nameSeconds: name, CacheControl(nil))
        #expect(policy?.lifetimeMs == expected.map { $0 * 1_000 })
    }

    @Test("no-store is no cache at all, no-cache keeps and does not read, max-age bounds what is read")
    func control() {
        func policy(_ value: String) -> CachePolicy? {
            CachePolicy(defaultSeconds: 60, keySeconds: nil, nameSeconds: nil, CacheControl(value))
        }
        #expect(policy("no-store") == nil)
        #expect(policy("no-cache")?.mayRead == false && policy("no-cache")?.lifetimeMs == 60_000)
        #expect(policy("max-age=5")?.ageMsMax == 5_000 && policy("max-age=500")?.ageMsMax == 60_000)
    }
}
