import GatewayModel
import Testing

@Suite struct RequestIDTests {
    @Test("is a UUID of version 7 with the time in front")
    func shape() {
        let id = RequestID(milliseconds: 0x0123_4567_89ab, random: (.max, .max)).text
        #expect(id == "01234567-89ab-7fff-bfff-ffffffffffff")
        #expect(
            RequestID(milliseconds: 0x0123_4567_89ab, random: (0, 0)).text == "01234567-89ab-7000-8000-000000000000")
    }
}

@Suite struct SecretTests {
    @Test("does not print what it holds")
    func hides() {
        let secret = Secret("sk-hub-abcdefghijklmnopqrstuvwxyz")
        #expect("\(secret)" == "sk-hub-ab…" && String(reflecting: secret) == "sk-hub-ab…")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("cdef"))
    }
}

@Suite struct UTCCalendarTests {
    @Test(
        "finds dates and back",
        arguments: [(0, 1970, 1, 1), (19_782, 2024, 2, 29), (20_779, 2026, 11, 22), (11_016, 2000, 2, 29)])
    func dates(days: Int64, year: Int64, month: Int64, day: Int64) {
        #expect(UTCCalendar.date(ofDay: days) == (year, month, day))
        #expect(UTCCalendar.day(year: year, month: month, day: day) == days)
    }

    @Test("a day ends at midnight, a month at its last midnight")
    func ends() {
        let december31 = UTCCalendar.day(year: 2026, month: 12, day: 31) * UTCCalendar.dayMs
        #expect(UTCCalendar.untilNextDay(nowMs: december31 + 1) == UTCCalendar.dayMs - 1)
        #expect(UTCCalendar.untilNextMonth(nowMs: december31) == UTCCalendar.dayMs)
    }
}

@Suite struct CRC32Tests {
    @Test("gives the check value of the standard")
    func check() { #expect(CRC32.checksum("123456789".utf8) == 0xcbf4_3926) }
}

@Suite struct ErrorKindTests {
    @Test("statuses and retry hints agree", arguments: ErrorKind.allCases)
    func agree(kind: ErrorKind) {
        #expect((400...599).contains(kind.status))
        if kind.shouldRetry == true { #expect(kind == .budgetInFlight) }
        if kind.status == 402 { #expect(kind.shouldRetry != nil) }
    }
}
