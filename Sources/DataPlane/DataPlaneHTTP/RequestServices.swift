package import Admission
package import GatewayModel
package import Reactor
package import RequestWalk
package import ResponseCache
package import Routing

/// What a connection needs from its environment, all on the connection's own reactor.
///
/// Each reply is called there, exactly once.
package protocol RequestServices: AnyObject {
    var reactor: Reactor { get }
    var bounds: Bounds { get }
    func makeContext() -> WalkContext
    /// - Parameter address: the client's address, evaluated only if the key is not cached.
    func lookUpKey(
        digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void)
    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void)
    func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void)
    func begin(_ request: BeginRequest, reply: @escaping (BeginAnswer) -> Void)
    func parse(_ body: BodyTask, reply: @escaping (ParsedBody) -> Void)
    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void)
    /// The reply may take as long as an identical request that is already running.
    func lookUpAnswer(_ lookUp: CacheLookUp, for id: RequestID, reply: @escaping (CacheReply) -> Void)
    func keep(_ answer: CachedAnswer, as key: CacheKey, from id: RequestID)
    func settle(_ request: SettleRequest)
    func reportProgress(_ report: ProgressReport, reply: @escaping (ProgressVerdict) -> Void)
    func note(_ report: AttemptReport)
    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt
    func finished(_ report: WalkReport)
    var readingOn: ReadingOn { get }
    func opened(_ connection: ClientConnection)
    func closed(_ connection: ClientConnection)
    var starts: RequestStarts { get }
    /// Whether connections should be closed after their response, because the worker is stopping.
    var isDraining: Bool { get }
    /// Whether new requests are refused because the worker is short of memory.
    var isOverloaded: Bool { get }
    /// The budget for the bodies of all the worker's requests.
    var bodies: BodyBudget { get }
    /// A buffer for one read, used by one connection at a time.
    var readBuffer: UnsafeMutableRawBufferPointer { get }
}

/// A handle on a running attempt.
package protocol UpstreamAttempt {
    func cancel()
    func release()
    func pause()
    func resume()
}
