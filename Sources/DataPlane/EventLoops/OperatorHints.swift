internal import GatewayModel
internal import RequestWalk

/// Picks the refusals to log for operators: those only an operator can end.
///
/// Clients can cause them as often as they like, so each is logged once a minute, and at most `hintsMax` different ones
/// a minute.
struct OperatorHints {
    static let everyMs: Int64 = 60_000
    static let hintsMax = 64

    private var sinceMs = Int64.min / 2
    private var logged: Set<String> = []

    /// - Returns: the hint, unless it was already logged in this minute.
    mutating func hint(in report: WalkReport, atMs now: Int64) -> String? {
        guard Self.needsOperator(report.error), !report.detail.isEmpty else { return nil }
        if now - sinceMs >= Self.everyMs {
            sinceMs = now
            logged.removeAll(keepingCapacity: true)
        }
        guard logged.count < Self.hintsMax, logged.insert(report.detail).inserted else { return nil }
        return report.detail
    }

    private static func needsOperator(_ error: ErrorKind?) -> Bool {
        switch error {
        case .modelNotFound, .modelUnpriced, .noProviderAvailable: true
        default: false
        }
    }
}
