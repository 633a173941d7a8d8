import Admission
import GatewayModel
import RequestWalk
import Testing

/// Running requests hold the rest of the same budget.
@Suite struct MoneyWaitTests {
    private static func refusal(_ code: String) -> AdmitAnswer {
        .verdict(AdmitVerdict(reply: [code, "5", "1", "usd_per_month", "1000", "400", "600", "1000"]))
    }

    private func refused(_ code: String = "11") -> Walker {
        var walker = Walker()
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(Self.refusal(code)))
        return walker
    }

    private func admits(_ walker: Walker) -> Int {
        walker.actions.count { if case .admit = $0 { true } else { false } }
    }

    private func pause(_ walker: Walker) -> Int64? {
        if case .setTimer(.money, let afterMs)? = walker.actions.last(where: {
            if case .setTimer(.money, _) = $0 { true } else { false }
        }) {
            afterMs
        } else {
            nil
        }
    }

    @Test("money that running requests hold is waited for, and the same is asked again")
    func waits() {
        var walker = refused()
        #expect(walker.status == nil && admits(walker) == 1 && (50...100).contains(pause(walker) ?? 0))
        walker.feed(.timer(.money))
        #expect(admits(walker) == 2)
        walker.feed(.timer(.money))
        #expect(admits(walker) == 2, "one question at a time")
        walker.feed(.admitAnswered(Walker.admission(holding: walker.askedHold)))
        #expect(walker.attempts == [1])
    }

    @Test("not for ever")
    func ends() {
        var walker = refused()
        for _ in 0..<20 where walker.status == nil {
            walker.feed(.timer(.money))
            walker.feed(.admitAnswered(Self.refusal("11")))
        }
        // 0.1 + 0.2 + 0.4 + 0.8 s, then as many whole seconds as fit into ten.
        #expect(walker.status == 402 && admits(walker) == 13 && walker.settles.isEmpty)
        #expect(walker.response?.headers["retry-after"] == "1")
    }

    @Test("time that was waited for another's answer counts")
    func behindAnother() {
        var walker = Walker(cache: Fixture.cache)
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(Self.refusal("11")))
        #expect(walker.status == nil && pause(walker) == nil, "the answer may yet come")
        walker.now += 10_000
        walker.feed(.cacheAnswered(.miss))
        #expect(walker.status == 402 && admits(walker) == 1)
    }

    @Test("what is spent does not come back: no wait")
    func spent() {
        let walker = refused("7")
        #expect(walker.status == 402 && admits(walker) == 1 && pause(walker) == nil)
    }

    @Test("spent meanwhile: the wait is over")
    func spentMeanwhile() {
        var walker = refused()
        walker.feed(.timer(.money))
        walker.feed(.admitAnswered(Self.refusal("7")))
        #expect(walker.status == 402 && walker.settles.isEmpty)
    }

    @Test("a caller who leaves while nothing is asked holds nothing, and one who leaves while the limiter is asked may")
    func leaves() {
        var waiting = refused()
        waiting.feed(.clientGone)
        #expect(waiting.walk.isFinished && waiting.settles.isEmpty)
        var asking = refused()
        asking.feed(.timer(.money))
        asking.feed(.clientGone)
        #expect(asking.walk.isFinished && asking.settles.map(\.target) == [.cancelled])
    }

    /// Refused before the cache answered, then asked again.
    private func askedAgainWithoutAnswerAtHand() -> Walker {
        var walker = Walker(cache: Fixture.cache)
        walker.feed(.head(Walker.head()))
        walker.feed(.body(Walker.body(stream: false)))
        walker.feed(.bodyEnd)
        walker.feed(.keyFound(.found(Walker.caller)))
        walker.feed(.admitAnswered(Self.refusal("11")))
        walker.feed(.cacheAnswered(.miss))
        walker.feed(.timer(.money))
        return walker
    }

    @Test("a refusal that waited for the cache is over once the limiter is asked again")
    func cacheHasSpoken() {
        var leaving = askedAgainWithoutAnswerAtHand()
        leaving.feed(.clientGone)
        #expect(leaving.walk.isFinished && leaving.settles.map(\.target) == [.cancelled])
        var slow = askedAgainWithoutAnswerAtHand()
        slow.feed(.admitAnswered(Walker.admission(holding: slow.askedHold)))
        slow.feed(.timer(.total))
        #expect(slow.attempts == [1] && slow.status == 503)
    }
}
