/// Media that a request may contain besides text.
///
/// Their token counts cannot be derived from their bytes, so a model states an upper bound per item or is not sent any.
package enum MediaKind: String, Codable, Sendable, Hashable, CaseIterable {
    case image
    /// A PDF, or another file that a vendor opens; plain text is not one.
    case document
    case audio
    case video
}

extension ModelEntry {
    /// The most input tokens of one such item, whatever its content; `nil` when there is no bound.
    package func tokensMax(of kind: MediaKind) -> Int64? {
        switch kind {
        // A model that accepts images fits them into its context window.
        case .image: vision ? imageTokensMax ?? contextWindow : nil
        case .document: documentTokensMax
        case .audio: audioTokensMax
        case .video: videoTokensMax
        }
    }
}
