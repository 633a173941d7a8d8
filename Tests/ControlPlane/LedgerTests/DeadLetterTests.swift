import Ledger
import Postgres
import Redis
import Testing

@Suite struct DeadLetterTests {
    private func letter(_ event: String, reason: String = "r") throws -> DeadLetter {
        let fields = ["kind", "final", "event", event].map { RESPValue.string($0) }
        let entry = try #require(UsageStreams.Entry(.array([.string("1-0"), .array(fields)]), shard: 0))
        return DeadLetter(entry: entry, reason: reason)
    }

    @Test("holds no NUL, which PostgreSQL's text cannot")
    func noNUL() throws {
        let letter = try letter("a\0b", reason: "\0")
        #expect(letter.event == "a\u{fffd}b" && letter.reason == "\u{fffd}")
    }

    @Test("an entry of any size is stored up to a bound")
    func bounded() throws {
        let most = DeadLetter.eventCharactersMax
        #expect(try letter(String(repeating: "x", count: most)).event.count == most)
        #expect(try letter(String(repeating: "x", count: most + 1)).event.count == most)
    }

    @Test(
        "errors of an event's data end its retries",
        arguments: ["21000", "22P02", "23505", "23514", "54000", "P0001"])
    func dataErrors(state: String) { #expect(PostgresError.refused(state: state, message: "", hint: nil).isDataError) }

    @Test("all others may pass later", arguments: ["08006", "40001", "42501", "42P01", "53300", "57P01", ""])
    func otherErrors(state: String) {
        #expect(!PostgresError.refused(state: state, message: "", hint: nil).isDataError)
    }
}
