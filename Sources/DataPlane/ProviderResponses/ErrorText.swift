internal import GatewayModel

/// Removes the operator's key, account and network, which providers repeat in messages, before clients see them.
enum ErrorText {
    private static let marks = [
        "sk-", "sk_", "gsk_", "xai-", "aiza", "key-", "org-", "proj-", "proj_", "projects/", "project_number:",
        "http://", "https://", "req_", "acct_", "bearer",
    ]

    /// The text with such words replaced, truncated to `ProviderErrorBody.messageBytesMax` bytes.
    static func cleaned(_ text: String) -> String {
        let words = text.truncated(toBytes: ProviderErrorBody.messageBytesMax).split(
            separator: " ", omittingEmptySubsequences: false)
        return words.map { word in
            let bare = word.drop { "\"'`([{<".contains($0) }
            let lowered = bare.lowercased()
            return marks.contains(where: lowered.hasPrefix) ? "…" : String(word)
        }.joined(separator: " ")
    }
}
