package import Admission
internal import GatewayModel
package import RequestWalk

/// What a connection needs of its surroundings, all of it on the connection's own event loop: replies come back there,
/// exactly once each.
package protocol RequestServices: AnyObject {
    func makeContext() -> WalkContext
    func lookUpKey(digests: [String], fresh: Bool, reply: @escaping (KeyLookup) -> Void)
    func peek(_ call: LimiterCall, reply: @escaping (PeekVerdict) -> Void)
    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void)
    func settle(_ request: SettleRequest)
    func reportProgress(_ report: ProgressReport)
    func rest(deployment: String, forMs: Int64)
    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt
    func finished(_ report: WalkReport)
    func opened(_ handler: RequestHandler)
    func closed(_ handler: RequestHandler)
    /// Whether connections should be closed after their answer, because the worker is going.
    var isDraining: Bool { get }
}

/// A handle on a running attempt.
package protocol UpstreamAttempt {
    func cancel()
    func release()
    func pause()
    func resume()
}
