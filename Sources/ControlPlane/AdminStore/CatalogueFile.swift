/// A declarative configuration file (YAML): what it names is created or changed to match, what it does not name stays.
package struct CatalogueFile: Decodable, Sendable {
    package var providers: [ProviderSection]?
    package var models: [ModelSection]?
    package var deployments: [DeploymentSection]?
    package var aliases: [AliasSection]?

    package struct ProviderSection: Decodable, Sendable {
        package var id: String
        package var base_url: String
        package var allowed_networks: [String]?
        /// The environment variable that holds the credential; the file itself never does.
        package var credential_from_environment: String?
    }

    package struct ModelSection: Decodable, Sendable {
        package var name: String
        package var vendor: String
        package var kind: String?
        package var context_window: Int64?
        package var max_output_tokens: Int64
        package var vision: Bool?
        package var tools: Bool?
        package var wants_max_completion_tokens: Bool?
        package var first_event_ms: Int64?
        package var idle_ms: Int64?
        package var usd_per_million_tokens: PriceSection?
    }

    /// Decimal USD per million tokens. What is not given costs as much as `input` or `output`.
    package struct PriceSection: Decodable, Sendable {
        package var input: String
        package var cache_read: String?
        package var cache_write: String?
        package var output: String
        package var reasoning: String?
    }

    package struct DeploymentSection: Decodable, Sendable {
        package var id: String
        package var model: String
        package var provider: String
        package var credential: String?
        package var upstream_model: String?
        package var rank: Int?
        package var weight: Int?
        package var enabled: Bool?
    }

    /// An alias with all its candidates, in the order of preference unless they give a rank of their own.
    package struct AliasSection: Decodable, Sendable {
        package var name: String
        package var needs_vision: Bool?
        package var candidates: [CandidateSection]
    }

    package struct CandidateSection: Decodable, Sendable {
        package var model: String
        package var rank: Int?
        package var weight: Int?
    }
}
