import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import ResponseCache
import Routing

/// What is known of a walk from outside: from the events that happened and the actions that were taken, never from its state.
struct WalkFacts {
    struct Attempt {
        let script: ProviderScript
        let deployment: String
        /// The model its request names.
        let upstreamModel: String
        /// Closing it ends its bill.
        let stops: Bool
        var status: Int?
        var isEventStream = false
        /// What arrived, up to the bytes that went over the bound.
        var bytes = 0
        var isRunning = true
        var endedWell = false
        var mayHaveBeenReceived = false
        var isPaused = false
        /// How much of it had arrived when nobody listened any more.
        var heardBytes: Int?
        /// Given up before its own end.
        var isClosed = false

        /// The chunks that have arrived whole, up to the event that ends or breaks the stream.
        var chunks: [ProviderScript.Chunk] { chunks(within: bytes) }

        /// Those the caller could be given.
        var chunksHeard: [ProviderScript.Chunk] { chunks(within: heardBytes ?? bytes) }

        private func chunks(within bytes: Int) -> [ProviderScript.Chunk] {
            var chunks: [ProviderScript.Chunk] = []
            for event in script.events where event.end <= bytes {
                guard case .chunk(let chunk) = event.meaning else { break }
                chunks.append(chunk)
            }
            return chunks
        }

        /// The plain answer, once it has arrived whole.
        var answer: ProviderScript.Chunk? { endedWell && bytes == script.answerBytes ? script.answer : nil }
    }

    let scenario: WalkScenario
    /// The event the walk is at.
    var event: WalkEvent?
    var attempts: [Attempt] = []
    var timers: Set<WalkTimer> = []
    var keyIsLive = false
    var bodyBytes = 0
    var bodyIsComplete = false
    /// More of the body is still to come.
    var bodyIsDue = true
    /// Refused before its body was complete, or takes none.
    var isRefused = true
    /// Bytes of a body that came all the same.
    var unwantedBytes = 0
    /// Questions asked and not answered.
    var questions = 0
    var admit: AdmitRequest?
    /// How often the limiter was asked, and the most a request may: as often as it waits, for its cached answer, and for a newer key.
    var admitsAsked = 0
    static let admitsAskedMax = 20
    /// What was told of deployments.
    var notes: [AttemptReport] = []
    /// Asked, and no readable answer came: the hold may stand.
    var admitIsOpen = false
    /// The limiter was asked whether a large body may be read; and what that took may stand, for nothing was admitted.
    var beginIsAsked = false
    var beginIsOpen = false
    var isAdmitted = false
    var cacheIsAsked = false
    /// What the cache has for this request, once it has said so in time.
    var atHand: CachedAnswer?
    /// The limiter refused what an answer at hand does not use.
    var refusalIsWaived = false
    var settles: [SettleRequest] = []
    /// The status committed, if any.
    var status: Int?
    var isStream = false
    /// Everything written behind the status.
    var written: [UInt8] = []
    var dataIsWritten = false
    var isAnswered = false
    var callerIsGone = false
    /// The answer is read on without its caller.
    var readsOn = false
    /// Progress reports that were not answered.
    var reportsDue = 0
    var grownHold = NanoUSD.zero
    var isFinished = false

    init(_ scenario: WalkScenario) { self.scenario = scenario }

    var running: [Int] { attempts.indices.filter { attempts[$0].isRunning }.map { $0 + 1 } }

    /// The engine that answers, or tried to last.
    var inCharge: Attempt? { attempts.last }

    /// Whether the walk was just told that an engine says nothing.
    var eventIsSilence: Bool {
        switch event {
        case .timer(.firstEvent), .timer(.idle): true
        default: false
        }
    }

    var hold: NanoUSD { max(admit?.hold ?? .zero, grownHold) }

    /// Whether the answer is the one at hand.
    var givesWhatIsAtHand: Bool { atHand != nil && attempts.isEmpty && status == 200 && !hasErrorEvent }

    private var hasErrorEvent: Bool { isStream && CallerStream(written).hasError }

    /// What was written, but for the comments between events and the `[DONE]` at the end.
    var writtenEvents: [UInt8] {
        let text = String(decoding: written, as: UTF8.self).replacing(": ping\n", with: "")
        return Array(text.replacing("data: [DONE]\n\n", with: "").utf8)
    }

    /// Whether an engine gave this caller anything that is charged.
    var somethingWasGiven: Bool {
        guard let inCharge else { return false }
        return isStream ? !inCharge.chunks.isEmpty : status == 200
    }
}
