import GatewayModel
import PlaneContract

/// What the provider of one simulated attempt may bill, worked out from its script and from what passed between it and the
/// walk. Prices of the fixture: one nano-USD a token in, two a token out; a token has at least a byte, and the provider keeps to
/// the output limit of the request.
struct ProviderBill {
    /// `max_tokens` of the simulated request.
    private static let outputMax: Int64 = 9

    /// At least this must be covered.
    var most: Int64 = 0
    /// The provider ended its answer and reported this.
    var exact: Int64?
    /// The unit of the request limits is used up, though nothing is billed: the caller may have been at fault, or nobody knows.
    var keepsUnit = false

    init(_ attempt: WalkFacts.Attempt, streams: Bool) {
        guard attempt.status == nil || attempt.status == 200 else {
            keepsUnit = true
            return
        }
        if attempt.status == nil {
            keepsUnit = attempt.mayHaveBeenReceived || attempt.isClosed
            if attempt.isClosed { most = attempt.stops && streams ? 1 : Self.whole(attempt.script) }
            return
        }
        keepsUnit = true
        if streams && attempt.isEventStream { readStream(attempt) } else { readPlain(attempt, streams) }
    }

    private mutating func readStream(_ attempt: WalkFacts.Attempt) {
        let chunks = attempt.chunks
        // An error as the first event, or nothing readable: no bill.
        let hasStarted = !chunks.isEmpty
        let isOver = attempt.endedWell || attempt.isDone || !attempt.isClosed && !attempt.mayHaveBeenReceived
        guard hasStarted else {
            if attempt.isClosed, !attempt.isRefused { most = attempt.stops ? 1 : Self.whole(attempt.script) }
            if attempt.mayHaveBeenReceived { most = 1 }
            return
        }
        let usages = chunks.compactMap(\.usage)
        let usage = usages.reduce(nil as TokenUsage?) { $0.map(\.total) ?? 0 > $1.total ? $0 : $1 }
        let hasFinished = chunks.contains(where: \.finishes)
        // No text is made of no tokens: such a usage says nothing.
        if hasFinished, let usage, usage.total > 0 {
            exact = Self.cost(usage)
            most = Self.cost(usage)
        } else if isOver && hasFinished || attempt.stops {
            most = 1 + 2 * Self.bytes(chunks)
        } else {
            most = Self.whole(attempt.script)
        }
    }

    private mutating func readPlain(_ attempt: WalkFacts.Attempt, _ streams: Bool) {
        if let answer = attempt.answer {
            if let usage = answer.usage {
                exact = Self.cost(usage)
            } else if !streams {
                most = 1 + 2 * Self.bytes([answer])
            }
            most = max(most, exact ?? 0)
        } else if attempt.isClosed || attempt.mayHaveBeenReceived {
            most = attempt.stops && streams ? 1 : Self.whole(attempt.script)
        }
    }

    private static func cost(_ usage: TokenUsage) -> Int64 {
        usage.input + usage.cacheRead + usage.cacheWrite + 2 * (usage.output + usage.reasoning)
    }

    private static func bytes(_ chunks: [ProviderScript.Chunk]) -> Int64 {
        min(outputMax, chunks.reduce(0) { $0 + Int64($1.text?.utf8.count ?? 0) })
    }

    /// The bill of an answer that runs on to its end.
    private static func whole(_ script: ProviderScript) -> Int64 {
        let chunks = script.events.compactMap { if case .chunk(let chunk) = $0.meaning { chunk } else { nil } }
        let all = chunks + [script.answer].compactMap { $0 }
        return 1 + 2 * max(bytes(all), min(outputMax, all.compactMap(\.usage?.output).max() ?? 0))
    }
}

extension WalkFacts.Attempt {
    /// The provider's own end of a stream has arrived.
    var isDone: Bool {
        script.events.contains { event in
            if case .done = event.meaning { event.end <= bytes } else { false }
        }
    }

    /// The first thing it said was an error, or nothing that can be read.
    var isRefused: Bool {
        guard let first = script.events.first, first.end <= bytes else { return false }
        if case .chunk = first.meaning { return false }
        return true
    }
}
