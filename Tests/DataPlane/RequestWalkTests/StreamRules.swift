import GatewayModel
import RequestWalk

/// Rules for the text of an answer, as the caller reads it.
struct StreamRules: WalkRules {
    var flaws: [WalkFlaw] = []

    mutating func willDo(_ action: WalkAction, _ facts: WalkFacts) {}

    mutating func ended(_ facts: WalkFacts) {
        guard facts.scenario.isChat, let inCharge = facts.inCharge, facts.status == 200 else { return }
        if facts.isStream { judge(CallerStream(facts.written), facts, inCharge) } else { judgePlain(facts, inCharge) }
    }

    private mutating func judgePlain(_ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) {
        guard let shown = JSONDocument(facts.written), let meant = inCharge.answer else { return }
        require(.relaysEachEventOnce, shown.text == meant.text, "\(shown.text ?? "nothing") instead of the answer")
        let model = meant.statedModel ?? inCharge.upstreamModel
        require(.modelIsHonest, shown.model == model, "\(shown.model ?? "none") instead of \(model)")
    }

    private mutating func judge(_ shown: CallerStream, _ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) {
        require(.relaysEachEventOnce, shown.garbage.isEmpty, "unreadable: \(shown.garbage)")
        judgeEnd(shown, facts)
        let expected = Self.expected(inCharge)
        let isComplete = shown.chunks.count == expected.count
        require(.relaysEachEventOnce, isComplete, "\(shown.chunks.count) of \(expected.count) chunks")
        for (chunk, meant) in zip(shown.chunks, expected) {
            require(.relaysEachEventOnce, chunk.text == meant.text, "\(chunk.text ?? "") instead of \(meant.text)")
            require(.modelIsHonest, chunk.model == meant.model, "\(chunk.model ?? "none") instead of \(meant.model)")
            let isBare = chunk.usage == nil && (facts.scenario.wantsUsage || !chunk.hasUsage)
            require(.usageOnlyWhenAsked, isBare, "a usage inside the stream")
        }
        let isCut = facts.isAnswered && !inCharge.chunksHeard.contains(where: \.finishes)
        require(.cutStreamsSaySo, !isCut || shown.hasError, "no finish reason and no error")
        judgeUsage(shown, facts, inCharge)
    }

    private mutating func judgeEnd(_ shown: CallerStream, _ facts: WalkFacts) {
        if facts.callerIsGone, !facts.isAnswered { return }
        require(.streamsEndWithDone, shown.dones == 1 && shown.endsWithDone, "\(shown.dones) [DONE]")
        require(.streamsEndWithDone, shown.errors.count <= 1, "\(shown.errors.count) errors")
        require(.streamsEndWithDone, shown.errors.allSatisfy { $0 == shown.count - 2 }, "data between error and [DONE]")
    }

    private mutating func judgeUsage(_ shown: CallerStream, _ facts: WalkFacts, _ inCharge: WalkFacts.Attempt) {
        let isOwed = facts.scenario.wantsUsage && facts.isAnswered && !shown.hasError
        require(.usageOnlyWhenAsked, shown.usages.count == (isOwed ? 1 : 0), "\(shown.usages.count) usage chunks")
        let stated = inCharge.chunks.compactMap(\.statedModel)
        for usage in shown.usages {
            let isStated = stated.isEmpty ? usage.model == inCharge.upstreamModel : stated.contains(usage.model ?? "")
            require(.modelIsHonest, isStated, "\(usage.model ?? "none") in the usage chunk")
        }
    }

    /// The provider's chunks with choices, each with the model it must carry.
    private static func expected(_ attempt: WalkFacts.Attempt) -> [(text: String, model: String)] {
        var first: String?
        return attempt.chunksHeard.compactMap { chunk in
            first = first ?? chunk.statedModel
            return chunk.hasChoices ? (chunk.text ?? "", chunk.statedModel ?? first ?? attempt.upstreamModel) : nil
        }
    }
}
