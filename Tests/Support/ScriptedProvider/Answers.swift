/// The words of a scripted answer in one wire format. Events are whole: the lines of one, and the empty line behind it.
protocol Answers: Sendable {
    var script: Script { get }
    /// What a stream begins with.
    func opening() -> [String]
    /// Chunk `at` of a streamed answer: text, or a piece of one tool call.
    func content(_ at: Int) -> String
    /// What a stream of so many tokens ends with.
    func closing(_ completion: Int, wantsUsage: Bool) -> [String]
    /// An error within a stream.
    var errorEvent: String { get }
    /// The whole answer, not streamed.
    func answer(_ completion: Int) -> String
    /// The body of an error answer.
    var error: String { get }
}

extension Answers {
    /// The caller's own limit cut the answer short.
    func isCut(after tokens: Int) -> Bool { tokens < script.completionTokens(limit: nil) }
}
