internal import Admission
internal import EventStream
internal import GatewayModel
internal import PlaneContract
internal import Routing
internal import Translation

/// One call to one deployment, and what has arrived of its answer.
struct Attempt {
    let number: Int
    let target: RouteTarget
    /// The key of the request, for the deployment's health.
    private let key: KeyHash
    private let streams: Bool
    private let startedMs: Int64
    private(set) var status: Int?
    private(set) var isEventStream = false
    private(set) var retryAfterMs: Int64?
    /// A plain answer or an error body, as far as it has arrived.
    private(set) var body: [UInt8] = []
    private var events = EventStreamParser()
    let translator: Translator
    private var stream: StreamTranslator
    private var streamBytes = 0
    /// When its first event was relayed.
    private var firstTokenMs: Int64?
    /// Its result was reported to the health table.
    private var isReported = false

    init(
        _ number: Int, _ target: RouteTarget, _ translator: Translator, _ admitted: AdmittedRequest,
        _ context: WalkContext, startedMs: Int64
    ) {
        self.number = number
        self.target = target
        self.translator = translator
        key = KeyHash(admitted.scopes.keyID)
        streams = admitted.request.streams
        self.startedMs = startedMs
        stream = translator.stream(of: admitted.request.operation, as: context.identity)
    }

    func request(_ operation: Operation, _ id: RequestID, body: [UInt8]) -> UpstreamRequest {
        UpstreamRequest(
            attempt: number, id: id, operation: operation, target: target, key: key, streams: streams, body: body)
    }

    mutating func headArrived(status: Int, contentType: String, retryAfterMs: Int64?) {
        self.status = status
        isEventStream = contentType.lowercased().hasPrefix("text/event-stream")
        self.retryAfterMs = retryAfterMs
    }

    /// Its events are relayed to the caller as they arrive.
    var isRelayed: Bool { streams && isEventStream && status == 200 }

    /// How it is billed if it is closed now: error responses are not, however much of their body has arrived.
    var billingWhenClosed: Billing { status.map { $0 == 200 } ?? true ? .cut : .nothing(keepsUnit: true) }

    // MARK: What arrives

    /// - Returns: whether the body is still within the limit; what exceeds it is dropped.
    mutating func append(_ bytes: [UInt8], bytesMax: Int) -> Bool {
        guard body.count + bytes.count <= bytesMax else { return false }
        if body.isEmpty { body = bytes } else { body += bytes }
        return true
    }

    /// - Returns: whether the stream is still within the limit.
    mutating func count(_ bytes: [UInt8], bytesMax: Int) -> Bool {
        streamBytes += bytes.count
        return streamBytes <= bytesMax
    }

    /// The data of the events that are complete now.
    ///
    /// - Returns: whether an event is larger than events may be; those before it are delivered.
    mutating func parse(_ bytes: [UInt8], into data: inout [[UInt8]]) -> Bool {
        do {
            try events.feed(bytes) { if !$0.data.isEmpty { data.append($0.data) } }
            return false
        } catch {
            return true
        }
    }

    mutating func translate(_ data: [UInt8]) -> StreamStep { stream.translate(data) }

    // MARK: Reports to the health table

    /// - Returns: `nil` if a result was reported before: only the first counts.
    mutating func report(_ note: AttemptObservation) -> AttemptReport? {
        guard !isReported else { return nil }
        isReported = true
        return AttemptReport(
            target, for: key, startedMs: startedMs, streams: streams, wasWaiting: firstTokenMs == nil, note)
    }

    /// The first token is reported besides the result.
    mutating func reportFirstToken(atMs now: Int64) -> AttemptReport? {
        let report = report(.firstToken(afterMs: now - startedMs))
        isReported = false
        firstTokenMs = now
        return report
    }

    mutating func reportStreamed(_ tokens: Int64, atMs now: Int64) -> AttemptReport? {
        firstTokenMs.flatMap { report(.streamed(tokens: tokens, overMs: now - $0)) }
    }

    mutating func reportAnswered(_ tokens: Int64, atMs now: Int64) -> AttemptReport? {
        report(.answered(tokens: tokens, afterMs: now - startedMs))
    }
}
