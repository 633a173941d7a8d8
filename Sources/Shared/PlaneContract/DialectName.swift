package import GatewayModel

/// The dialects that a provider may have (`ProviderEntry.dialect`), and which operations each can carry.
///
/// It is all that choosing a route needs to know of them, in workers and in the control plane. How each is spoken is
/// for workers alone: `Dialect+Table.swift` in `DataPlane/Translation` has a row for each of these names.
package enum DialectName: String, Sendable, Hashable, CaseIterable {
    case openAI = "openai"
    case azure
    case azureDeployments = "azure-deployments"
    case mistral
    case groq
    case deepSeek = "deepseek"
    case xAI = "xai"
    case together
    case openRouter = "openrouter"
    case qwen
    case ollama
    case vLLM = "vllm"
    case llamaCpp = "llamacpp"
    case geminiCompatible = "gemini-compat"
    case anthropic

    /// The gateway's operations that its vendor has an endpoint for.
    package var operations: Set<Operation> {
        switch self {
        case .openAI, .azure, .azureDeployments, .together: Set(Operation.allCases)
        case .vLLM: [.chat, .completion, .embedding, .image]
        case .openRouter, .ollama, .llamaCpp: [.chat, .completion, .embedding]
        case .geminiCompatible: [.chat, .embedding, .image]
        case .mistral, .qwen: [.chat, .embedding]
        case .xAI: [.chat, .image]
        case .groq, .deepSeek, .anthropic: [.chat]
        }
    }
}
