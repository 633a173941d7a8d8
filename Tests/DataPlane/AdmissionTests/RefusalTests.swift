import Admission
import GatewayModel
import PlaneContract
import Testing

/// The message a caller gets when a limit refuses them.
@Suite struct RefusalTests {
    private let free = KeyRecord(
        keyID: "key_1", orgID: "org_1", name: "n", plan: "free", version: 1, orgVersion: 1, status: .active,
        expiresAtMs: nil, allowedModels: nil, keyLimits: ScopeLimits(), orgLimits: ScopeLimits(),
        limitsFromPlan: ["requests_per_day", "usd_per_day"])

    /// 5 h 11 min 30 s before midnight, and ten days before the month ends.
    private let now = String(20_779 * UTCCalendar.dayMs + UTCCalendar.dayMs - 18_690_000)

    private func refused(
        _ code: String, scope: String = "2", _ window: String, _ numbers: [String], for record: KeyRecord? = nil
    ) -> GatewayError? {
        let reply = [code, now, scope, window] + numbers
        guard case .refused(let error) = AdmitVerdict(reply: reply, for: record ?? free) else { return nil }
        return error
    }

    @Test("a plan's quota is named as the plan's, and when it is there again")
    func planQuota() {
        #expect(
            refused("6", "requests_per_day", ["50", "50", "0", "0"])?.message
                == "Free plan: 50 of 50 requests used today. Resets in 5 h 12 min (00:00 UTC).")
        #expect(
            refused("7", "usd_per_day", ["250000000", "250000000", "0", "0"])?.message
                == "Free plan: $0.25 of $0.25 used today. Resets in 5 h 12 min (00:00 UTC).")
    }

    @Test("what an org or a key was limited to is not called the plan's")
    func ownLimits() {
        #expect(
            refused("7", "usd_per_month", ["10000000000", "9990000000", "0", "0"])?.message.hasPrefix(
                "Your organisation: $9.99 of $10 used this month, and the rest does not cover this request. Resets in ")
                == true)
        #expect(
            refused("6", scope: "1", "requests_per_day", ["5", "5", "0", "0"])?.message
                == "This key: 5 of 5 requests used today. Resets in 5 h 12 min (00:00 UTC).")
    }

    @Test("money that running requests hold may come back")
    func held() {
        let error = refused("11", "usd_per_day", ["250000000", "100000000", "150000000", "1000"])
        #expect(error?.kind == .budgetInFlight && error?.retryAfterMs == 1_000)
        #expect(
            error?.message
                == "Free plan: $0.1 of $0.25 used today, and running requests hold the rest. Retry when they have ended."
        )
    }

    @Test("rates say how long to wait")
    func rates() {
        #expect(
            refused("4", scope: "1", "requests_per_minute", ["20", "20", "0", "2500"])?.message
                == "This key: 20 of 20 requests used in the last minute. Retry in 3 s.")
        #expect(
            refused("10", scope: "1", "concurrent_requests", ["64", "64", "0", "1000"])?.message
                == "This key: 64 of 64 requests running at once. Retry when one of them has ended.")
    }

    @Test("of what all orgs of a plan share, only the limit is told")
    func shared() {
        let used = refused("7", scope: "3", "usd_per_day", ["25000000000", "24990000000", "10000000", "0"])
        #expect(
            used?.message
                == "The free plan's shared budget for today is used up. Resets in 5 h 12 min (00:00 UTC).")
        #expect(used?.limit?.scope == "plan" && used?.limit?.limit == "25")
        #expect(used?.limit?.used == nil && used?.limit?.reserved == nil)
        let held = refused("11", scope: "3", "usd_per_day", ["25000000000", "0", "10000000", "1000"])
        #expect(held?.kind == .budgetInFlight && held?.message.contains("24") == false)
    }

    @Test("a reply that names no record, as older workers' refusals are read")
    func nameless() {
        guard case .refused(let error) = AdmitVerdict(reply: ["6", now, "2", "requests_per_day", "50", "50", "0", "0"])
        else {
            Issue.record("unreadable")
            return
        }
        #expect(error.message.hasPrefix("Your organisation: 50 of 50"))
    }
}
