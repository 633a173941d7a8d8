/// A declarative configuration file (YAML).
///
/// Entries it names are created or updated to match, all others are left alone.
package struct CatalogueFile: Decodable, Sendable {
    package var providers: [ProviderSection]?
    package var models: [ModelSection]?
    package var deployments: [DeploymentSection]?
    package var aliases: [AliasSection]?

    package struct ProviderSection: Decodable, Sendable {
        package var id: String
        /// The provider's wire format, by default `openai`; docs/adding-a-provider.md lists the values.
        package var dialect: String?
        package var base_url: String
        /// The `api-version` query parameter (Azure).
        package var api_version: String?
        package var allowed_networks: [String]?
        /// The environment variable that holds the credential; the file itself never does.
        package var credential_from_environment: String?
        /// Unchanged if absent; a new one is enabled.
        package var enabled: Bool?
        /// Billing after a closed connection, `stops` or `runs_on`: the default for its deployments in this file.
        package var after_close: String?
        /// Evidence for `after_close`; `stops` requires it.
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
        /// Upper bound on output tokens per second, thinking included; 1000 by default.
        package var tokens_per_second_max: Int64?
        /// Upper bound on the input tokens of one image, document, recording or video. If absent, unchanged.
        package var image_tokens_max: Int64?
        package var document_tokens_max: Int64?
        package var audio_tokens_max: Int64?
        package var video_tokens_max: Int64?
        package var usd_per_million_tokens: TokenPriceSection?
        package var usd_per_image: [ImagePriceSection]?
        /// Prices from later instants on. A stored price that is not in force yet and not listed here is deleted.
        package var price_changes: [PriceChangeSection]?
        /// Unchanged if absent.
        package var cache_seconds: Int64?
        /// Unchanged if absent; a new one is enabled.
        package var enabled: Bool?
    }

    /// Decimal USD per million tokens. Optional prices default to `input` or `output`.
    package struct TokenPriceSection: Decodable, Sendable {
        package var input: String
        /// Input tokens that represent an image.
        package var image_input: String?
        package var cache_read: String?
        package var cache_write: String?
        /// Cache writes that are kept for an hour; `cache_write` by default.
        package var cache_write_hour: String?
        package var output: String
        package var reasoning: String?
        package var tiers: [TierSection]?
    }

    /// Prices that apply to the whole request when it has more input tokens than this.
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

    /// Decimal USD per image; an absent quality or size matches any.
    package struct ImagePriceSection: Decodable, Sendable {
        package var quality: String?
        package var size: String?
        package var usd: String
    }

    package struct PriceChangeSection: Decodable, Sendable {
        /// `2027-01-01`, `2027-01-01T12:00:00Z` or `2027-01-01T12:00:00.5Z`, in UTC.
        package var effective_from: String
        package var usd_per_million_tokens: TokenPriceSection?
        package var usd_per_image: [ImagePriceSection]?
    }

    package struct DeploymentSection: Decodable, Sendable {
        package var id: String
        package var model: String
        package var provider: String
        /// By default the one with the provider's id; empty for none.
        package var credential: String?
        package var upstream_model: String?
        package var rank: Int?
        package var weight: Int?
        package var enabled: Bool?
        /// Defaults to the provider's value in this file, else to the stored value while the provider is unchanged.
        package var after_close: String?
        package var after_close_source: String?
    }

    /// An alias with all its candidates; stored ones that are not listed are removed.
    ///
    /// Candidates without a rank are ranked in file order, or all get rank 0 if the alias has an objective.
    package struct AliasSection: Decodable, Sendable {
        package var name: String
        package var needs_vision: Bool?
        package var needs_tools: Bool?
        package var context_window_min: Int64?
        /// Decimal USD, applied to the input and to the output price.
        package var max_usd_per_million_tokens: String?
        package var objective: ObjectiveSection?
        package var candidates: [CandidateSection]
        /// Unchanged if absent.
        package var cache_seconds: Int64?
        /// Its place in `GET /v1/models`; by default that in the file.
        package var position: Int?
        /// Unchanged if absent; a new one is enabled.
        package var enabled: Bool?
    }

    /// Weights from 0 to 1000; 0 by default.
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
