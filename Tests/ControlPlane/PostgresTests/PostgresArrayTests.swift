import Postgres
import Testing

@Suite struct PostgresArrayTests {
    @Test(
        "reads what it writes",
        arguments: [[], ["a"], ["a", "b c"], ["", "x"], ["q\"uote", "back\\slash", "{brace}", "com,ma", "NULL"]]
            as [[String]])
    func roundTrip(items: [String]) { #expect(PostgresArray.parse(PostgresArray.literal(items)) == items) }

    @Test("reads the server's own spelling")
    func reads() { #expect(PostgresArray.parse(#"{127.0.0.0/8,"a \"b\""}"#) == ["127.0.0.0/8", "a \"b\""]) }
}
