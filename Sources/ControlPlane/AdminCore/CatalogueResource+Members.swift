extension CatalogueResource {
    /// The members of an entry, in the order in which an answer has them.
    package var members: [CatalogueMember] {
        switch self {
        case .provider: Self.providerMembers
        case .credential: Self.credentialMembers
        case .model: Self.modelMembers
        case .deployment: Self.deploymentMembers
        case .alias: Self.aliasMembers
        case .plan: Self.planMembers
        }
    }

    private static let providerMembers: [CatalogueMember] = [
        CatalogueMember("id", .text).required.fixed,
        CatalogueMember("dialect", .text),
        CatalogueMember("base_url", .text).required,
        CatalogueMember("api_version", .text),
        CatalogueMember("allowed_networks", .texts),
        CatalogueMember("enabled", .flag),
    ]

    private static let credentialMembers: [CatalogueMember] = [
        CatalogueMember("id", .text).required.fixed,
        CatalogueMember("provider", .text, column: "provider_id").required.fixed,
        CatalogueMember("secret", .secret).required,
        CatalogueMember("created_at", .text).readOnly,
    ]

    private static let modelMembers: [CatalogueMember] = [
        CatalogueMember("name", .text).required.fixed,
        CatalogueMember("vendor", .text).required,
        CatalogueMember("kind", .text),
        CatalogueMember("context_window", .integer),
        CatalogueMember("max_output_tokens", .integer).required,
        CatalogueMember("vision", .flag),
        CatalogueMember("tools", .flag),
        CatalogueMember("wants_max_completion_tokens", .flag),
        CatalogueMember("first_event_ms", .integer),
        CatalogueMember("idle_ms", .integer),
        CatalogueMember("cache_seconds", .integer),
        CatalogueMember("tokens_per_second_max", .integer),
        CatalogueMember("image_tokens_max", .integer),
        CatalogueMember("document_tokens_max", .integer),
        CatalogueMember("audio_tokens_max", .integer),
        CatalogueMember("video_tokens_max", .integer),
        CatalogueMember("enabled", .flag),
        CatalogueMember("created_at", .text).readOnly,
    ]

    private static let deploymentMembers: [CatalogueMember] = [
        CatalogueMember("id", .text).required.fixed,
        CatalogueMember("model", .text).required,
        CatalogueMember("provider", .text, column: "provider_id").required,
        CatalogueMember("credential", .text, column: "credential_id"),
        CatalogueMember("upstream_model", .text),
        CatalogueMember("rank", .integer),
        CatalogueMember("weight", .integer),
        CatalogueMember("enabled", .flag),
        CatalogueMember("after_close", .text),
        CatalogueMember("after_close_source", .text),
    ]

    private static let aliasMembers: [CatalogueMember] = [
        CatalogueMember("name", .text).required.fixed,
        CatalogueMember("position", .integer),
        CatalogueMember("needs_vision", .flag),
        CatalogueMember("needs_tools", .flag),
        CatalogueMember("context_window_min", .integer),
        CatalogueMember("max_usd_per_million_tokens", .usd, column: "price_max"),
        CatalogueMember(
            "objective",
            .object(
                ["latency", "speed", "cost", "uptime"].map {
                    CatalogueMember($0, .number, column: $0 + "_weight")
                })),
        CatalogueMember("cache_seconds", .integer),
        CatalogueMember("enabled", .flag),
        CatalogueMember("candidates", .candidates).required,
    ]

    private static let planMembers: [CatalogueMember] = [
        CatalogueMember("name", .text).required.fixed,
        CatalogueMember("models", .texts),
        CatalogueMember("key_limits", .object(limits("key_"))),
        CatalogueMember("org_limits", .object(limits("org_"))),
        CatalogueMember("usd_per_day_all_orgs", .usd, column: "nano_usd_per_day_all_orgs"),
    ]

    private static func limits(_ prefix: String) -> [CatalogueMember] {
        [
            "requests_per_minute", "tokens_per_minute", "concurrent_requests", "requests_per_day",
            "requests_per_month",
        ].map { CatalogueMember($0, .integer, column: prefix + $0) }
            + ["usd_per_day", "usd_per_month"].map {
                CatalogueMember($0, .usd, column: prefix + "nano_" + $0)
            }
    }
}
