import DataPlaneHTTP
import Testing

@Suite struct StartLinesTests {
    @Test("Callers take turns, whatever the length of their lines")
    func callersTakeTurns() {
        var lines = StartLines<String>()
        for number in 1...4 { lines.append("greedy \(number)", of: "greedy") }
        lines.append("modest 1", of: "modest")
        lines.append("modest 2", of: "modest")
        var order: [String] = []
        while let next = lines.next() { order.append(next) }
        #expect(order == ["greedy 1", "modest 1", "greedy 2", "modest 2", "greedy 3", "greedy 4"])
        #expect(lines.isEmpty)
    }

    @Test("A caller whose line was empty comes after those that wait")
    func aNewCallerJoinsAtTheEnd() {
        var lines = StartLines<Int>()
        lines.append(1, of: "first")
        #expect(lines.next() == 1)
        lines.append(2, of: "second")
        lines.append(3, of: "first")
        #expect(lines.next() == 2)
        #expect(lines.next() == 3)
        #expect(lines.next() == nil)
    }
}
