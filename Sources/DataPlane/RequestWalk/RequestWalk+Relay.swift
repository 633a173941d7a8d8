internal import Admission
internal import EventStream
internal import GatewayModel
internal import JSONScan
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// Stage 6: events to the caller, one by one, as they arrive.
extension RequestWalk {
    mutating func relayBytes(_ bytes: [UInt8], at now: Int64) {
        // The attempt is mutated in place: copying it would retain each of its parts every time.
        guard let number = attempt?.number, let size = attempt?.streamBytes else { return }
        attempt?.streamBytes = size + bytes.count
        guard size + bytes.count <= context.world.bounds.streamBytesMax else {
            return answerTooLarge(context.world.bounds.streamBytesMax, at: now)
        }
        var events: [EventStreamParser.Event] = []
        var isTooLarge = false
        do {
            try attempt?.events.feed(bytes) { events.append($0) }
        } catch {
            isTooLarge = true
        }
        var out: [UInt8] = []
        for event in events {
            relay(event, into: &out, at: now)
            // After an error, the end or a fallback, ignore the rest of this attempt.
            guard !isFinished, attempt?.number == number else { return }
        }
        if !out.isEmpty {
            say(.respondBytes(out))
            schedule(.ping, afterMs: context.world.settings.pingMs)
        }
        watchTheHold(at: now)
        guard !isFinished else { return }
        if isTooLarge { answerTooLarge(EventStreamParser.eventBytesMax, at: now) }
    }

    private mutating func relay(_ event: EventStreamParser.Event, into out: inout [UInt8], at now: Int64) {
        guard !event.data.isEmpty, let step = attempt?.stream.translate(event.data) else { return }
        switch step {
        // An event without output for the caller is still a sign of life.
        case .nothing: if relayingStarted { watchForSilence() }
        case .chunk(let chunk): relay(chunk, into: &out, at: now)
        case .last(let chunk):
            relay(chunk, into: &out, at: now)
            flush(&out)
            streamDone(at: now)
        case .done:
            flush(&out)
            streamDone(at: now)
        case .failed(let refusal, let detail):
            flush(&out)
            if relayingStarted {
                streamBroke("error event: \(detail)", at: now)
            } else {
                streamRefused(refusal, detail: detail, at: now)
            }
        case .broken(let why):
            flush(&out)
            broken(why, at: now)
        }
    }

    private mutating func relay(_ chunk: ChatChunk, into out: inout [UInt8], at now: Int64) {
        count(chunk)
        if relay.dearerPrice != nil { return answeredByAnother(at: now) }
        watchForSilence()
        startRelaying(at: now)
        guard chunk.hasChoices else { return }
        let start = out.count
        out += "data: ".utf8
        out += rewritten(chunk)
        out += "\n\n".utf8
        keep(event: out[start...])
    }

    private mutating func flush(_ out: inout [UInt8]) {
        if !out.isEmpty { say(.respondBytes(out)) }
        out = []
    }

    private mutating func watchForSilence() {
        if let idleMs = attempt?.target.model.idleMs, !clientIsBlocked {
            schedule(.idle, afterMs: idleMs)
        }
    }

    /// The caller reads too slowly: pauses the upstream and does not blame it for the silence meanwhile.
    mutating func block(at now: Int64) {
        clientIsBlocked = true
        guard let attempt, !relay.waitsForHold else { return }
        pauseProduction(at: now)
        actions += [.pauseAttempt(attempt.number), .cancelTimer(.firstEvent), .cancelTimer(.idle)]
    }

    mutating func unblock(at now: Int64) {
        clientIsBlocked = false
        if !relay.waitsForHold { resumeProduction(at: now) }
        resumeAttempt()
    }

    /// Resumes the upstream unless the caller or the hold still blocks it.
    mutating func resumeAttempt() {
        guard let attempt, !clientIsBlocked, !relay.waitsForHold else { return }
        actions.append(.resumeAttempt(attempt.number))
        if relayingStarted {
            schedule(.idle, afterMs: attempt.target.model.idleMs)
        } else if admitted?.request.streams == true {
            schedule(.firstEvent, afterMs: attempt.target.model.firstEventMs)
        }
    }

    var relayingStarted: Bool {
        if case .relaying = phase { true } else { false }
    }

    private mutating func broken(_ detail: String, at now: Int64) {
        if relayingStarted { streamBroke(detail, at: now) } else { attemptBroke(detail, at: now) }
    }

    /// Takes the provider's own word for which model answered.
    ///
    /// That name is shown, billed and cached. If it is not the declared model, the answer counts as misnamed.
    mutating func answered(by model: String) {
        let model = model.truncated(toBytes: ProviderResponse.modelBytesMax)
        relay.model = model
        guard let target = attempt?.target, !ModelFamily.includes(model, target) else { return }
        relay.isMisnamed = true
        guard let other = context.world.table.price(ofOther: model, than: target.model, atMs: context.wallMs),
            let declared = target.model.price(atMs: context.wallMs)
        else { return }
        relay.dearerPrice = other.isMoreExpensive(than: declared) ? other : declared
    }

    private mutating func count(_ chunk: ChatChunk) {
        // Chunks without choices may be of another kind (Azure's filters); the first one serves until there is a better
        // one.
        if chunk.hasChoices || relay.lastChunk == nil { relay.lastChunk = chunk }
        if relay.model == nil, let model = chunk.model { answered(by: model) }
        relay.contentDeltas += chunk.contentDeltas
        relay.contentBytes += chunk.contentBytes
        relay.backlogTokens = max(0, relay.backlogTokens - max(chunk.contentDeltas, chunk.contentBytes))
        relay.finished = relay.finished || chunk.hasFinish
        // Some providers send a preview. The last report counts, unless it is lower than an earlier one.
        if let usage = chunk.usage, usage.tokens.total >= relay.usage?.tokens.total ?? 0 {
            relay.usage = usage
            relay.usageIsPreview = chunk.usageIsPreview
        }
    }

    /// The chunk for the caller: the provider's bytes with a model name, and without usage that was not asked for.
    private func rewritten(_ chunk: ChatChunk) -> [UInt8] {
        var splice = JSONSplice(chunk.bytes, chunk.members)
        if relay.wantsUsage {
            // With `include_usage`, every chunk has the member (OpenAI API reference, `stream_options.include_usage`).
            splice.set("usage", json: Array("null".utf8))
        } else if chunk.hasUsageMember {
            splice.remove("usage")
        }
        if chunk.modelRange == nil { splice.set("model", json: quotedModel) }
        return Self.onOneLine(splice.result())
    }

    /// The model name, as a JSON string, for chunks that have none.
    var quotedModel: [UInt8] {
        if let model = relay.model { return Array(JSONText.quoted(model).utf8) }
        return attempt?.target.quotedModel ?? Array("null".utf8)
    }

    /// A line break inside JSON is whitespace, but would end the data line of an event.
    static func onOneLine(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 == 0x0a || $0 == 0x0d }) else { return bytes }
        return bytes.map { $0 == 0x0a || $0 == 0x0d ? 0x20 : $0 }
    }

    /// Commits the status: from here on only bytes of this attempt can follow.
    private mutating func startRelaying(at now: Int64) {
        guard !relayingStarted else { return }
        actions.append(.cancelTimer(.firstEvent))
        phase = .relaying
        relay.firstByteMs = now - startedMs
        noteFirstToken(at: now)
        if mayStore { kept = [] }
        sendStreamHead()
        schedule(.progress, afterMs: context.world.settings.progressMs)
    }

    mutating func sendStreamHead() {
        guard !headIsSent else { return }
        headIsSent = true
        var headers = answerHeaders
        headers.add("content-type", "text/event-stream; charset=utf-8")
        headers.add("cache-control", "no-cache, no-transform")
        headers.add("x-accel-buffering", "no")
        var trailer = "x-aihub-cost-usd"
        if case .asking? = cache?.state {
            cache?.isToldInTrailer = true
            trailer += ", x-aihub-cache"
        }
        if head?.acceptsTrailers == true { headers.add("trailer", trailer) }
        if relay.isCapped { headers.add("x-aihub-capped-by", "budget") }
        say(.respondHead(status: 200, headers: headers))
    }
}
