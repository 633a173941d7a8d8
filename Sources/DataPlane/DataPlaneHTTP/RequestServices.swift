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
    /// A new request's ID, start time and random seed, under the configuration in force.
    func makeContext() -> WalkContext
    /// - Parameter address: the client's address, evaluated only if the key is not cached.
    func lookUpKey(
        digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void)
    /// Reads the caller's counters; replies with the last known ones when Redis is unreachable.
    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void)
    /// Looks up a request of the caller's org by its ID.
    func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void)
    /// Early admission: reserves a request unit and a concurrency slot before the body is parsed.
    func begin(_ request: BeginRequest, reply: @escaping (BeginAnswer) -> Void)
    /// Parses a body on another thread. Replies `.overloaded` when too many bytes are waiting there.
    func parse(_ body: BodyTask, reply: @escaping (ParsedBody) -> Void)
    /// Admits the request and takes its hold.
    ///
    /// If Redis cannot decide (unreachable, late, or the shard is fenced), a key whose outage policy allows it is
    /// admitted locally, without a hold in Redis.
    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void)
    /// The reply may take as long as an identical request that is already running.
    func lookUpResponse(_ lookUp: CacheLookUp, for id: RequestID, reply: @escaping (CacheReply) -> Void)
    /// Stores a complete response in the cache, and passes it to requests that wait for it.
    func store(_ answer: CachedResponse, as key: CacheKey, from id: RequestID)
    /// Replaces the request's hold by its charge. Repeated until Redis confirms it, so there is no reply.
    func settle(_ request: SettleRequest)
    /// Reports a running stream's cost, and extends its hold when the report asks for more.
    func reportProgress(_ report: ProgressReport, reply: @escaping (ProgressVerdict) -> Void)
    /// Adds an attempt's outcome to the deployment's health.
    func record(_ report: AttemptReport)
    /// Sends a request to a provider, at most once. `deliver` gets the attempt's events in order.
    func startAttempt(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt
    /// Counts and logs an ended request.
    func finished(_ report: WalkReport)
    var completionReader: CompletionReader { get }
    /// The connection is served until `closed`: a drain must reach it.
    func opened(_ connection: ClientConnection)
    /// The connection's descriptor is closed.
    func closed(_ connection: ClientConnection)
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
    /// Ends the attempt and closes its connection; no event follows.
    func cancel()
    /// The response is complete: no event follows, and the connection may be reused.
    func release()
    /// Stops reading from the provider until `resume`.
    func pause()
    /// Continues to read after `pause`.
    func resume()
}
