import Publication
import Redis
import Testing

@Suite struct PublishedWatermarksTests {
    private func marks(_ marks: KeyValuePairs<String, Int>) -> PublishedWatermarks {
        PublishedWatermarks(.array(marks.flatMap { [RESPValue.string($0.key), .string(String($0.value))] }))
    }

    private let minute: Int64 = 60_000, day = 86_400_000

    @Test("one that left word pushes again what was published since, and a minute more")
    func own() {
        #expect(marks(["a": 1_000_000, "b": 900_000]).republishFromMs(for: "a") == 1_000_000 - minute)
        #expect(marks(["a": 1_000_000, "b": 900_000]).republishFromMs(for: "b") == 900_000 - minute)
    }

    @Test("a new one goes by the oldest of those that were there lately")
    func new() {
        let found = marks(["a": 5 * day, "b": 5 * day - 1_000, "gone": day])
        #expect(found.republishFromMs(for: "c") == Int64(5 * day - 1_000) - minute)
        #expect(found.departed == ["gone"])
    }

    @Test("one that was cut off for long goes by its own, however old")
    func cutOff() { #expect(marks(["a": 5 * day, "b": day]).republishFromMs(for: "b") == Int64(day) - minute) }

    @Test("without any, all is pushed")
    func none() {
        #expect(marks([:]).republishFromMs(for: "a") == nil)
        #expect(PublishedWatermarks(.null).republishFromMs(for: "a") == nil)
    }
}
