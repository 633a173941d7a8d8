internal import GatewayModel
internal import RequestWalk

/// Which refusals an operator should read of: those that only an operator can end. Callers can bring them about as often as they like, so
/// each is said once a minute, and so many different ones a minute at most.
struct OperatorHints {
    static let everyMs: Int64 = 60_000
    static let hintsMax = 64

    private var sinceMs = Int64.min / 2
    private var said: Set<String> = []

    /// - Returns: the hint, where it was not said in this minute.
    mutating func hint(in report: WalkReport, atMs now: Int64) -> String? {
        guard Self.needsOperator(report.error), !report.detail.isEmpty else { return nil }
        if now - sinceMs >= Self.everyMs {
            sinceMs = now
            said.removeAll(keepingCapacity: true)
        }
        guard said.count < Self.hintsMax, said.insert(report.detail).inserted else { return nil }
        return report.detail
    }

    private static func needsOperator(_ error: ErrorKind?) -> Bool {
        switch error {
        case .modelNotFound, .modelUnpriced, .noProviderAvailable: true
        default: false
        }
    }
}
