/// What a request may hold beside text. How many tokens it makes cannot be told from its bytes: a model says how many one can
/// make at most, or is not given any.
package enum MediaKind: String, Codable, Sendable, Hashable, CaseIterable {
    case image
    /// A PDF, or another file that a vendor opens; text is none.
    case document
    case audio
    case video
}

extension ModelEntry {
    /// Input tokens that one of these can make at most, whatever is in it; `nil` when nothing bounds it.
    package func tokensMax(of kind: MediaKind) -> Int64? {
        switch kind {
        // What sees images fits them into its window, whatever they are.
        case .image: vision ? imageTokensMax ?? contextWindow : nil
        case .document: documentTokensMax
        case .audio: audioTokensMax
        case .video: videoTokensMax
        }
    }
}
