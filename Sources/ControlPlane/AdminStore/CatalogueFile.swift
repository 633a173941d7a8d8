/// A declarative configuration file (YAML): what it names is created or changed to match, what it does not name stays.
package struct CatalogueFile: Decodable, Sendable {
    package var providers: [ProviderSection]?
    package var models: [ModelSection]?
    package var deployments: [DeploymentSection]?
    package var aliases: [AliasSection]?

    package struct ProviderSection: Decodable, Sendable {
        package var id: String
        /// How it wants to be spoken to; `openai` when not given. docs/adding-a-provider.md lists the words.
        package var dialect: String?
        package var base_url: String
        /// The `api-version` of its URLs (Azure).
        package var api_version: String?
        package var allowed_networks: [String]?
        /// The environment variable that holds the credential; the file itself never does.
        package var credential_from_environment: String?
        /// What it bills once a connection is closed, `stops` or `runs_on`: for its deployments in this file that do not say.
        package var after_close: String?
        /// Who says so; `stops` needs one.
        package var after_close_source: String?
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
        /// Output tokens a second at most, thinking included; 1000 when not given.
        package var tokens_per_second_max: Int64?
        /// Input tokens that one image, document, recording or film can make at most. What is not given stays as it is.
        package var image_tokens_max: Int64?
        package var document_tokens_max: Int64?
        package var audio_tokens_max: Int64?
        package var video_tokens_max: Int64?
        package var usd_per_million_tokens: TokenPriceSection?
        package var usd_per_image: [ImagePriceSection]?
        /// What the model costs from later instants on; a price that is not in force yet and not among them is taken out.
        package var price_changes: [PriceChangeSection]?
        /// What is not given stays as it is.
        package var cache_seconds: Int64?
    }

    /// Decimal USD per million tokens. What is not given costs as much as `input` or `output`.
    package struct TokenPriceSection: Decodable, Sendable {
        package var input: String
        /// Input tokens that stand for an image.
        package var image_input: String?
        package var cache_read: String?
        package var cache_write: String?
        /// Writing to a cache that keeps it for an hour; as much as `cache_write` when not given.
        package var cache_write_hour: String?
        package var output: String
        package var reasoning: String?
        package var tiers: [TierSection]?
    }

    /// The prices of a whole request with more input tokens than this.
    package struct TierSection: Decodable, Sendable {
        package var above_input_tokens: Int64
        package var input: String
        package var image_input: String?
        package var cache_read: String?
        package var cache_write: String?
        package var cache_write_hour: String?
        package var output: String
        package var reasoning: String?
    }

    /// Decimal USD for one image; what is not named fits any.
    package struct ImagePriceSection: Decodable, Sendable {
        package var quality: String?
        package var size: String?
        package var usd: String
    }

    package struct PriceChangeSection: Decodable, Sendable {
        /// `2027-01-01` or `2027-01-01T12:00:00Z`, in UTC.
        package var effective_from: String
        package var usd_per_million_tokens: TokenPriceSection?
        package var usd_per_image: [ImagePriceSection]?
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
        /// What is given neither here nor by the provider stays as it is, while the provider does.
        package var after_close: String?
        package var after_close_source: String?
    }

    /// An alias with all its candidates: in the order of preference unless they give a rank of their own, or, with an
    /// objective, all of rank 0 unless they do.
    package struct AliasSection: Decodable, Sendable {
        package var name: String
        package var needs_vision: Bool?
        package var needs_tools: Bool?
        package var context_window_min: Int64?
        /// Decimal USD, input and output each.
        package var max_usd_per_million_tokens: String?
        package var objective: ObjectiveSection?
        package var candidates: [CandidateSection]
        /// What is not given stays as it is.
        package var cache_seconds: Int64?
    }

    /// Weights of 0 to 1000; what is not given is 0.
    package struct ObjectiveSection: Decodable, Sendable {
        package var latency: Double?
        package var speed: Double?
        package var cost: Double?
        package var uptime: Double?
    }

    package struct CandidateSection: Decodable, Sendable {
        package var model: String
        package var rank: Int?
        package var weight: Int?
    }
}
