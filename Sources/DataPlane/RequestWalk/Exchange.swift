internal import GatewayModel
internal import KeyMaterial

/// One request and its response, seen from the caller: what the head said, and what the current event makes the
/// environment do.
///
/// Each stage hands it to the next.
struct Exchange {
    let context: WalkContext
    private(set) var startedMs: Int64 = 0
    /// `nil` until the head has been read, and where it names no endpoint.
    var endpoint: Endpoint?
    /// The digests of the caller's key, once its format has been validated.
    var digests: [String] = []
    private(set) var hasOrigin = false
    private(set) var acceptsTrailers = false
    private var clientRequestID: String?
    var actions: [WalkAction] = []
    /// The caller reads too slowly to accept more now.
    var callerIsBlocked = false
    /// The caller has their last byte or has left: there is no more output, and there are no more timers.
    private(set) var callerIsDone = false

    init(_ context: WalkContext) { self.context = context }

    mutating func begin(_ head: RequestHead, startedMs: Int64) {
        self.startedMs = startedMs
        hasOrigin = head.hasOrigin
        acceptsTrailers = head.acceptsTrailers
        clientRequestID = head.clientRequestID
    }

    /// For the next stage, with all actions so far.
    mutating func handOver() -> Exchange {
        let whole = self
        // The actions must have one owner, or appending copies them.
        actions = []
        return whole
    }

    /// Sends output to the caller.
    mutating func send(_ action: WalkAction) {
        if !callerIsDone { actions.append(action) }
    }

    mutating func schedule(_ timer: WalkTimer, afterMs: Int64) {
        if !callerIsDone { actions.append(.setTimer(timer, afterMs: afterMs)) }
    }

    mutating func cancelTimers() { for timer in WalkTimer.allCases { actions.append(.cancelTimer(timer)) } }

    mutating func dismissCaller() {
        cancelTimers()
        callerIsBlocked = false
        callerIsDone = true
    }

    private static let clientIDBytesMax = 128

    /// The caller's own ID, truncated, with keys redacted.
    var clientID: String {
        guard let clientRequestID else { return "" }
        return HubKey.redacted(clientRequestID.truncated(toBytes: Self.clientIDBytesMax))
    }
}
