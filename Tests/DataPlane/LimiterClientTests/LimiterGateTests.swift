import GatewayModel
import LimiterClient
import Operations
import Reactor
import Testing

/// A gate whose reactor does not turn: time stands still.
@Suite struct LimiterGateTests {
    private let metrics = MetricsRegistry()
    private let gate: LimiterGate

    /// The calls that were sent and not answered, in order.
    private final class Sent {
        var all: [(name: String, answered: (Int64?) -> Void)] = []
        var refused: [(name: String, error: GatewayError)] = []
        var names: [String] { all.map(\.name) }
    }
    private let sent = Sent()

    init() { gate = LimiterGate(on: Reactor(), deadlineMs: 50, metrics: metrics) }

    private func call(_ name: String, for caller: String = "key", id: String? = nil) {
        gate.call(for: caller, id: id) { [sent] in
            sent.all.append((name, $0))
        } refuse: { [sent] in
            sent.refused.append((name, $0))
        }
    }

    @Test("as many calls are in flight as at the start are allowed; each answer lets the next one go")
    func inFlight() {
        for n in 0..<20 { call("\(n)") }
        #expect(sent.names == (0..<16).map(String.init))
        sent.all[0].answered(1_000)
        #expect(sent.names.suffix(1) == ["16"] || sent.names.count > 17)
        let before = sent.names.count
        sent.all[1].answered(1_000)
        #expect(sent.names.count > before && sent.refused.isEmpty)
    }

    @Test("a queued admission can be withdrawn, once, and is then never sent; one that was sent cannot")
    func withdrawn() {
        for n in 0..<17 { call("\(n)", id: "id \(n)") }
        #expect(!gate.withdraw("id 3"))
        #expect(gate.withdraw("id 16") && !gate.withdraw("id 16"))
        for at in 0..<16 { sent.all[at].answered(1_000) }
        #expect(sent.names == (0..<16).map(String.init) && sent.refused.isEmpty)
        call("next")
        #expect(sent.names.last == "next")
    }

    @Test(
        "the queue keeps room for others: a caller over its share gets 429, and a caller of few calls is still served")
    func full() {
        call("small", for: "small")
        var calls = 0
        while sent.refused.isEmpty, calls <= 16 + LimiterGate.queuedMax {
            call("greedy \(calls)", for: "greedy")
            calls += 1
        }
        #expect(sent.refused.map(\.error.kind) == [.rateLimitExceeded] && calls < LimiterGate.queuedMax)
        for (_, error) in sent.refused {
            #expect(error.isShed && error.retryAfterMs.map(LimiterGate.retryAfterMs.contains) == true)
        }
        #expect(gate.refusal(of: "greedy")?.kind == .rateLimitExceeded)
        #expect(gate.refusal(of: "small") == nil)
        #expect(metrics.value("aihub_worker_shed_total", [("status", "429")]) == 2)
    }

    @Test("a caller that is not over its share is refused with 503")
    func overloaded() {
        var calls = 0
        while sent.refused.isEmpty, calls <= 16 + LimiterGate.queuedMax {
            call("\(calls)")
            calls += 1
        }
        #expect(sent.refused.map(\.error.kind) == [.overloaded])
        #expect(metrics.value("aihub_worker_shed_total", [("status", "503")]) == 1)
    }

    @Test("while the limiter is unreachable every queued call is still answered, without recursion")
    func unreachable() {
        // More than a stack has room for, if each were answered within the one before.
        let queued = LimiterGate.queuedMax / 2
        var answers = 0
        for n in 0..<16 { call("\(n)") }
        for _ in 0..<queued {
            gate.call(for: "key") {
                answers += 1
                $0(nil)
            } refuse: { _ in
            }
        }
        for at in 0..<16 { sent.all[at].answered(nil) }
        #expect(answers == queued)
    }
}
