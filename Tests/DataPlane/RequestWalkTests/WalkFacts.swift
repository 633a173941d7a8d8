import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import ResponseCache
import Routing

/// What is known of a walk from outside: from its events and actions, never from its state.
struct WalkFacts {
    struct Attempt {
        let script: ProviderScript
        let deployment: String
        /// The model its request names.
        let upstreamModel: String
        /// Whether closing the connection ends its bill.
        let stops: Bool
        var status: Int?
        var isEventStream = false
        /// The bytes received, including those that exceeded the bound.
        var bytes = 0
        var isRunning = true
        var endedWell = false
        var mayHaveBeenReceived = false
        var isPaused = false
        /// How many bytes had arrived when the caller was no longer listening.
        var heardBytes: Int?
        /// Whether it was closed before its own end.
        var isClosed = false

        /// The chunks that arrived completely, up to the event that ends or breaks the stream.
        var chunks: [ProviderScript.Chunk] { chunks(within: bytes) }

        /// The chunks that could be relayed to the caller.
        var chunksHeard: [ProviderScript.Chunk] { chunks(within: heardBytes ?? bytes) }

        private func chunks(within bytes: Int) -> [ProviderScript.Chunk] {
            var chunks: [ProviderScript.Chunk] = []
            for event in script.events where event.end <= bytes {
                guard case .chunk(let chunk) = event.meaning else { break }
                chunks.append(chunk)
            }
            return chunks
        }

        /// The plain answer, once it has arrived completely.
        var answer: ProviderScript.Chunk? { endedWell && bytes == script.answerBytes ? script.answer : nil }
    }

    let scenario: WalkScenario
    /// The event the walk is handling.
    var event: WalkEvent?
    var attempts: [Attempt] = []
    var timers: Set<WalkTimer> = []
    var keyIsLive = false
    var bodyBytes = 0
    var bodyIsComplete = false
    /// Whether more of the body is still to come.
    var bodyIsDue = true
    /// Whether the request was refused before its body was complete, or takes none.
    var isRefused = true
    /// Bytes of a body that arrived although it is not wanted.
    var unwantedBytes = 0
    /// Questions without an answer yet.
    var questions = 0
    var admit: AdmitRequest?
    /// How often the limiter was asked. The maximum covers waiting for money, one retry without the cached answer, and
    /// a newer key.
    var admitsAsked = 0
    static let admitsAskedMax = 20
    /// The reports of attempts to the health table.
    var notes: [AttemptReport] = []
    /// The limiter was asked and gave no readable answer: the hold may exist.
    var admitIsOpen = false
    /// The limiter was asked whether a large body may be read. What that reserved may remain, since nothing was
    /// admitted.
    var beginIsAsked = false
    var beginIsOpen = false
    var isAdmitted = false
    var cacheIsAsked = false
    /// The cached answer to this request, if the cache answered in time.
    var atHand: CachedResponse?
    /// The limiter's refusal concerns a limit that a cached answer does not use.
    var refusalIsWaived = false
    var settles: [SettleRequest] = []
    /// The status sent, if any.
    var status: Int?
    var isStream = false
    /// Everything written after the status.
    var written: [UInt8] = []
    var dataIsWritten = false
    var isAnswered = false
    var callerIsGone = false
    /// The answer is read on without its caller.
    var readsOn = false
    /// Progress reports without an answer yet.
    var reportsDue = 0
    var grownHold = NanoUSD.zero
    var isFinished = false

    init(_ scenario: WalkScenario) { self.scenario = scenario }

    var running: [Int] { attempts.indices.filter { attempts[$0].isRunning }.map { $0 + 1 } }

    /// The attempt that answers, or the last one tried.
    var inCharge: Attempt? { attempts.last }

    /// Whether the current event says that a provider is silent.
    var eventIsSilence: Bool {
        switch event {
        case .timer(.firstEvent), .timer(.idle): true
        default: false
        }
    }

    var hold: NanoUSD { max(admit?.hold ?? .zero, grownHold) }

    /// Whether the answer is the cached one.
    var givesWhatIsAtHand: Bool { atHand != nil && attempts.isEmpty && status == 200 && !hasErrorEvent }

    private var hasErrorEvent: Bool { isStream && CallerStream(written).hasError }

    /// The bytes written, without the comments between events and the final `[DONE]`.
    var writtenEvents: [UInt8] {
        let text = String(decoding: written, as: UTF8.self).replacing(": ping\n", with: "")
        return Array(text.replacing("data: [DONE]\n\n", with: "").utf8)
    }

    /// Whether a provider gave this caller anything that is charged.
    var somethingWasGiven: Bool {
        guard let inCharge else { return false }
        return isStream ? !inCharge.chunks.isEmpty : status == 200
    }
}
