/// The operations a deployment may serve, one for each endpoint that reaches a provider.
package enum Operation: String, Sendable, Hashable, Codable, CaseIterable {
    case chat
    /// The legacy text completion, with a prompt instead of messages.
    case completion
    case embedding
    case image

    /// The path below a base URL that ends in `/v1`, both of the gateway and of OpenAI-compatible providers.
    package var path: String {
        switch self {
        case .chat: "/chat/completions"
        case .completion: "/completions"
        case .embedding: "/embeddings"
        case .image: "/images/generations"
        }
    }

    /// The kind of model that serves it (`ModelEntry.kind`).
    package var modelKind: String {
        switch self {
        case .chat, .completion: "chat"
        case .embedding: "embedding"
        case .image: "image"
        }
    }

    /// The name in logs and metrics.
    package var label: String {
        switch self {
        case .chat: "chat_completions"
        case .completion: "completions"
        case .embedding: "embeddings"
        case .image: "images_generations"
        }
    }
}
