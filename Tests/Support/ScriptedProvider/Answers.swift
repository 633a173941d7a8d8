/// The text of a scripted answer in one wire format. Events are complete: their lines and the empty line that ends
/// them.
protocol Answers: Sendable {
    var script: Script { get }
    /// The beginning of a stream.
    func opening() -> [String]
    /// Chunk `at` of a streamed answer: text, or a piece of one tool call.
    func content(_ at: Int) -> String
    /// The end of a stream of `tokens` tokens.
    func closing(_ completion: Int, wantsUsage: Bool) -> [String]
    /// An error within a stream.
    var errorEvent: String { get }
    /// The whole answer when it is not streamed.
    func answer(_ completion: Int) -> String
    /// The body of an error answer.
    var error: String { get }
}

extension Answers {
    /// Whether the caller's own limit truncated the answer.
    func isCut(after tokens: Int) -> Bool { tokens < script.completionTokens(limit: nil) }
}
