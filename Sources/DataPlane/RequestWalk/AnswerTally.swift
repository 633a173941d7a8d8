internal import GatewayModel
internal import PlaneContract
internal import ProviderResponses
internal import Routing
internal import Translation

/// What has been received of the answer, as far as that decides its charge and the gateway's own chunks.
struct AnswerTally {
    private(set) var model: String?
    /// The provider answered under another model name than its deployment declares.
    private(set) var isMisnamed = false
    /// The provider answered with another model of the catalogue: the higher of the two prices.
    private(set) var higherPrice: Price?
    /// The provider's latest usage report.
    private(set) var usage: ProviderUsage?
    /// `usage` was reported before anything was produced, so it does not cover the answer.
    private var usageIsPreview = false
    /// The last chunk, whose envelope the gateway's own chunks reuse.
    private(set) var lastChunk: ChatChunk?
    private var contentDeltas: Int64 = 0
    private var contentBytes: Int64 = 0
    /// Images received.
    private(set) var images: Int64 = 0
    private(set) var isFinished = false
    var firstByteMs: Int64 = 0

    /// The usage of the whole answer as the provider reports it. A total of zero tokens is no report.
    var finalUsage: ProviderUsage? { usageIsPreview || usage?.tokens.total == 0 ? nil : usage }

    /// An upper bound for the output tokens that were relayed.
    var visibleTokens: Int64 { max(contentDeltas, contentBytes) }

    func modelName(on target: RouteTarget) -> String {
        (model ?? target.deployment.upstreamModel).truncated(toBytes: UsageEvent.modelBytesMax)
    }

    /// The model name, as a JSON string, for chunks that have none.
    func quotedModel(_ translator: Translator) -> [UInt8] {
        model.map { Array(JSONText.quoted($0).utf8) } ?? translator.quotedModel
    }

    mutating func count(_ chunk: ChatChunk, from target: RouteTarget, _ context: WalkContext) {
        // Chunks without choices may be of another kind (Azure's filters); the first one serves until there is a better
        // one.
        if chunk.hasChoices || lastChunk == nil { lastChunk = chunk }
        if model == nil, let model = chunk.model { answered(by: model, target, context) }
        contentDeltas += chunk.contentDeltas
        contentBytes += chunk.contentBytes
        isFinished = isFinished || chunk.hasFinish
        // Some providers send a preview. The last report counts, unless it is lower than an earlier one.
        if let usage = chunk.usage, usage.tokens.total >= self.usage?.tokens.total ?? 0 {
            self.usage = usage
            usageIsPreview = chunk.usageIsPreview
        }
    }

    /// Counts an answer that was not streamed.
    mutating func count(_ answer: ProviderResponse) {
        usage = answer.usage
        contentBytes = answer.contentBytes
    }

    mutating func count(images: Int) { self.images = Int64(images) }

    /// Takes the provider's own word for which model answered.
    ///
    /// That name is shown, billed and cached. If it is not the declared model, the answer counts as misnamed.
    mutating func answered(by name: String, _ target: RouteTarget, _ context: WalkContext) {
        let name = name.truncated(toBytes: ProviderResponse.modelBytesMax)
        model = name
        guard !ModelFamily.includes(name, target) else { return }
        isMisnamed = true
        guard let other = context.world.table.price(ofOther: name, than: target.model, atMs: context.wallMs),
            let declared = target.model.price(atMs: context.wallMs)
        else { return }
        higherPrice = other.isMoreExpensive(than: declared) ? other : declared
    }
}
