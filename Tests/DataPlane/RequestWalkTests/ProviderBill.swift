import GatewayModel
import PlaneContract

/// What the provider of one simulated attempt may bill, computed from its script and the traffic with the walk.
///
/// The fixture's prices: one nano-USD per input token, two per output token. A token has at least one byte, and the
/// provider respects the request's output limit.
struct ProviderBill {
    /// `max_tokens` of the simulated request.
    private static let outputMax: Int64 = 9

    /// The charge must cover at least this.
    var most: Int64 = 0
    /// The amount reported by a provider that ended its answer.
    var exact: Int64?
    /// The unit of the request limits is used up although nothing is billed: the caller may have been at fault, or it
    /// is unknown.
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
        // Not billed: an error as the first event, or nothing readable.
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
        // Text cannot consist of zero tokens: ignore such a usage.
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

    /// The bill of an answer that is generated to its end.
    private static func whole(_ script: ProviderScript) -> Int64 {
        let chunks = script.events.compactMap { if case .chunk(let chunk) = $0.meaning { chunk } else { nil } }
        let all = chunks + [script.answer].compactMap { $0 }
        return 1 + 2 * max(bytes(all), min(outputMax, all.compactMap(\.usage?.output).max() ?? 0))
    }
}

extension WalkFacts.Attempt {
    /// Whether the provider's own end of the stream has arrived.
    var isDone: Bool {
        script.events.contains { event in
            if case .done = event.meaning { event.end <= bytes } else { false }
        }
    }

    /// Whether its first event was an error or unreadable.
    var isRefused: Bool {
        guard let first = script.events.first, first.end <= bytes else { return false }
        if case .chunk = first.meaning { return false }
        return true
    }
}
