"""The sentence behind every rule of the biller.

A rule of `biller.py` names its sources by the keys of `SOURCES`. `standing` says how much a sentence is worth:

* `vendor`: the vendor's own page says it.
* `third party`: another company, a maintainer in an issue, or a published measurement says it.
* `assumption`: no public sentence was found. `quote` is then empty or is the nearest sentence; `rule` states the value.

`seen` is the date at which the sentence was read, in the page or in a dated copy of it, `YYYY-MM-DD`. Quotes leave out
mark-up, and `[...]` stands for what lies between.
"""

from __future__ import annotations

from dataclasses import dataclass

VENDOR = "vendor"
THIRD_PARTY = "third party"
ASSUMPTION = "assumption"


@dataclass(frozen=True)
class Source:
    """One rule and where it comes from."""

    rule: str
    quote: str
    url: str
    seen: str
    standing: str = VENDOR

    @property
    def assumption(self) -> bool:
        """True if no public sentence of the vendor states the value."""
        return self.standing != VENDOR


OPENAI_VISION = "https://developers.openai.com/api/docs/guides/images-vision"
OPENAI_PRICING = "https://developers.openai.com/api/docs/pricing"
OPENROUTER_STREAMING = "https://openrouter.ai/docs/api-reference/streaming"
CLAUDE_VISION = "https://platform.claude.com/docs/en/build-with-claude/vision"
CLAUDE_PRICING = "https://platform.claude.com/docs/en/about-claude/pricing"
CLAUDE_BILLED = "https://support.claude.com/en/articles/8114526-how-will-i-be-billed-for-claude-api-use"
GEMINI_TOKENS = "https://ai.google.dev/gemini-api/docs/tokens"
GEMINI_MEDIA = "https://ai.google.dev/gemini-api/docs/media-resolution"
GEMINI_DOCUMENTS = "https://ai.google.dev/gemini-api/docs/document-processing"
QWEN_CHAT = "https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions"
QWEN_VISION = "https://help.aliyun.com/zh/model-studio/vision"
XAI_CONSUMPTION = "https://docs.x.ai/docs/key-information/consumption-and-rate-limits"
XAI_MODELS = "https://docs.x.ai/docs/models"
CHAT_REFERENCE = "https://platform.openai.com/docs/api-reference/chat/create"

TEXT = {
    "text-bytes": Source(
        "A byte-level BPE makes at most one token per byte of the normalised UTF-8 text.",
        "It's reversible and lossless, so you can convert tokens back into the original text. [...] "
        "the token sequence is shorter than the bytes corresponding to the original text.",
        "https://github.com/openai/tiktoken", "2026-07-22"),
    "text-nfc": Source(
        "A tokenizer that normalises to NFC (Qwen) counts the bytes after NFC: up to 3 times the bytes sent (U+1D160).",
        "Canonical mappings (Decomposition_Mapping property values) are always limited in all versions of Unicode, so that no "
        "string when decomposed with NFC expands to more than 3x in length (measured in code units).",
        "https://www.unicode.org/reports/tr15/", "2026-11-28", THIRD_PARTY),
    "text-nfkc": Source(
        "Anthropic's published tokenizer normalises to NFKC: up to 11 times the bytes sent (U+FDFA). That newer models do "
        "the same is an assumption.",
        "As of the Claude 3 models, this algorithm is no longer accurate, but can be used as a very rough approximation.",
        "https://github.com/anthropics/anthropic-tokenizer-typescript", "2026-11-28", ASSUMPTION),
    "text-sentencepiece": Source(
        "A SentencePiece model with byte fallback makes at most one token per byte, plus one for the blank put in front of "
        "each text.",
        "", "https://github.com/google/sentencepiece", "2026-11-28", ASSUMPTION),
    "template-openai": Source(
        "OpenAI's template adds 3 tokens a message, 1 a name and 3 a request.",
        "every reply is primed with <|start|>assistant<|message|>",
        "https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken", "2026-11-28"),
    "template-other": Source(
        "Other templates add at most 8 tokens a message and 128 a request (a system text of their own; 16 where none is known).",
        "", "", "2026-11-28", ASSUMPTION),
    "template-xai": Source(
        "xAI adds tokens of its own; at most 1,024 a request is assumed.",
        "The inference endpoints would automatically add pre-defined tokens to help our system process the request.",
        XAI_CONSUMPTION, "2026-11-28", ASSUMPTION),
    "tools-anthropic": Source(
        "Tools add a system prompt of Anthropic's: at most 804 tokens (Opus 4.7 with a forced tool).",
        "When you use tools, the API also automatically includes a special system prompt for the model which enables tool "
        "use. [...] Claude Opus 4.7: auto, none 675 tokens; any, tool 804 tokens",
        "https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview", "2026-11-28"),
    "tools-rendered": Source(
        "A template may print a tool's JSON with indentation: bytes of the compact JSON plus 2 tokens for every line.",
        "", "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct (tojson(indent=4) in the chat template)",
        "2026-11-28", ASSUMPTION),
    "context-cap": Source(
        "Input tokens that reach the model never exceed the context window; a longer prompt is refused or cut.",
        "The context window determines the maximum amount of token accepted by the model in the prompt.",
        XAI_MODELS, "2026-11-28"),
}

IMAGES = {
    "image-openai-tile": Source(
        "Fit into 2048 x 2048, shortest side to 768, base + tile tokens for each 512 px square; low detail is the base alone. "
        "gpt-4o 85+170, gpt-4o-mini 2833+5667, gpt-5 70+140, o1 and o3 75+150.",
        "Scale to fit in a 2048px x 2048px square, maintaining original aspect ratio. Scale so that the image's shortest side is "
        "768px long. Count the number of 512px squares in the image - each square costs a set amount of tokens. Add the base "
        "tokens to the total.", OPENAI_VISION, "2026-11-28"),
    "image-openai-auto": Source(
        "auto and absent detail may be served as high: the bound is high.",
        "By default, the model will use the auto setting which will look at the image input size and decide if it should use "
        "the low or high setting.", OPENAI_VISION, "2026-11-28"),
    "image-openai-mini-context": Source(
        "Image tokens of gpt-4o-mini are a price, not a length: they do not count against the context window.",
        "These additional tokens are only used for billing purposes and do not affect the context limit of the model.",
        "https://pypi.org/project/pictoken", "2026-11-28", THIRD_PARTY),
    "image-openai-patch": Source(
        "32 px patches, shrunk to 1536 patches, times a multiplier: mini 1.62, nano 2.46, o4-mini 1.72.",
        "If the number of patches exceeds 1536, we scale down the image so that it can be covered by no more than 1536 patches. "
        "[...] Apply a multiplier based on the model to get the total tokens.", OPENAI_VISION, "2026-11-28"),
    "image-openai-original": Source(
        "gpt-5.4: high 2,500 patches or 2048 px, original 10,000 patches or 6000 px; gpt-5.5: auto means original; gpt-5.6 and "
        "later: original and auto have no budget. Multiplier 1.2.",
        "GPT-5.6: original 保留输入尺寸,不受像素或 patch 预算限制;auto 与省略字段采用同样行为 (a translation of the page)",
        OPENAI_VISION, "2026-09-24", THIRD_PARTY),
    "image-openai-low-patch": Source(
        "detail low does not lower the price of patch models: the bound is that of high.",
        "\"detail\":\"low\" is of no effect on these \"patches\" AI models, which is obfuscated in documentation.",
        "https://community.openai.com/t/introducing-gpt-5-4-mini-and-nano-our-most-capable-small-models-yet/1377015",
        "2026-11-28", THIRD_PARTY),
    "image-anthropic": Source(
        "28 px patches after a resize to 1568 px and 1568 tokens, or 2576 px and 4784 tokens from Claude 4.7 on.",
        "Each patch is a 28x28-pixel block of the image, referred to as a visual token. An image, therefore, costs "
        "ceil(width / 28) x ceil(height / 28) visual tokens. Images larger than either limit are downscaled before processing.",
        CLAUDE_VISION, "2026-08-15"),
    "image-anthropic-overhead": Source(
        "Each image block costs up to 4 tokens more.",
        "block_overhead = +3 on Claude Fable 5, +4 on Claude Sonnet 4.5 (measured).",
        "https://github.com/diegosouzapw/OmniGlyph/wiki/Billing-Math", "2026-07-08", THIRD_PARTY),
    "image-anthropic-750": Source(
        "The page of 2025: width x height / 750 after a resize to 1568 px and about 1,600 tokens.",
        "If your image's long edge is more than 1568 pixels, or your image is more than ~1,600 tokens, it will first be scaled "
        "down. [...] tokens = (width px * height px)/750",
        "https://docs.anthropic.com/en/docs/build-with-claude/vision", "2026-11-28"),
    "image-gemini": Source(
        "258 tokens for an image up to 384 px; else 258 for each tile of 768 x 768.",
        "Image inputs with both dimensions <=384 pixels are counted as 258 tokens. Images larger in one or both dimensions are "
        "cropped and scaled as needed into tiles of 768x768 pixels, each counted as 258 tokens.",
        GEMINI_TOKENS, "2026-11-28"),
    "image-gemini-tile-size": Source(
        "The tile is min(width, height) / 1.5, at least 256 and at most 768 px (the limits are those of an older page).",
        "Calculate the crop unit size which is roughly: floor(min(width, height) / 1.5). [...] For example, for an image of "
        "dimensions 960x540 would have a crop unit size of 360. [...] If necessary, each tile is adjusted so that it's not smaller "
        "than 256 pixels and not greater than 768 pixels.",
        "https://ai.google.dev/gemini-api/docs/image-understanding", "2026-11-28"),
    "image-gemini-fit": Source(
        "Images are scaled down to 3072 x 3072 before tiling, so at most 24 tiles.",
        "larger pages are scaled down to a maximum resolution of 3072 x 3072 (said of documents; the table of media resolutions "
        "gives about 256 + 2048 tokens for Gemini 2.5)", GEMINI_DOCUMENTS, "2026-11-28", ASSUMPTION),
    "image-gemini-3": Source(
        "Gemini 3: 280, 560, 1120 (default) or 2240 tokens an image by media_resolution.",
        "unspecified (Default) 1120; low 280; medium 560; high 1120; ultra_high 2240", GEMINI_MEDIA, "2026-11-28"),
    "image-qwen": Source(
        "One token for 32 x 32 px (28 x 28 up to Qwen2.5-VL) plus 2; 16,384 tokens with vl_high_resolution_images; max_pixels of "
        "the part may raise the limit to the same.",
        "图像 Token = h_bar * w_bar / token_pixels + 2 [...] vl_high_resolution_images=True 时,Token 上限固定为 16384,忽略 max_pixels",
        QWEN_VISION, "2026-11-28"),
    "image-qwen-default": Source(
        "Without either member an image costs at most 2,560 tokens.",
        "各模型的默认像素上限即max_pixels的默认值", QWEN_CHAT, "2026-11-28", ASSUMPTION),
    "image-together": Source(
        "1,601 tokens a tile, 1, 2 or 4 tiles; the page prints 3,202 and 6,404.",
        "Each image breaks into a tile grid (capped at 2x2 of 560-pixel tiles) and you pay 1,601 tokens per tile.",
        "https://docs.together.ai/docs/vision-overview", "2026-11-28"),
    "image-xai": Source(
        "256 to 1,792 tokens an image.",
        "Each image prompt will take between 256 to 1792 tokens, depending on the size of the image.",
        XAI_CONSUMPTION, "2026-11-28"),
    "image-mistral": Source(
        "Patches of 28 px up to 1540 px, one break token a row: at most 3,080 tokens.",
        "image_patch_size: the square size of a patch in pixels to form one token. [...] spatial_merge_size: the number of "
        "patches to merge into one token.", "https://mistralai.github.io/mistral-common/usage/images", "2026-11-28", ASSUMPTION),
    "image-groq": Source("At most 6,400 tokens an image.", "", "", "2026-11-28", ASSUMPTION),
    "image-local": Source(
        "A server that the operator runs: at most 16,384 tokens an image.",
        "32768 tokens in total, out of which {'image': 16384, 'video': 16384} are reserved for multi-modal embeddings",
        "https://github.com/vllm-project/vllm/issues/20123", "2025-06-26", THIRD_PARTY),
    "image-unknown-size": Source(
        "An image whose size cannot be read from its bytes, or that is a URL, counts as the largest of its rule.",
        "", "", "2026-11-28", ASSUMPTION),
}

MEDIA = {
    "pdf-openai": Source(
        "A page is its text and an image of itself. The text is compressed in the file, so the bound is the context window.",
        "we put into the model's context both extracted text and an image of each page - regardless of whether the page includes "
        "images.", "https://platform.openai.com/docs/guides/pdf-files", "2026-11-28"),
    "pdf-anthropic": Source(
        "A page is its text (1,500 to 3,000 tokens) and an image of itself; the bound is the context window.",
        "Each page typically uses 1,500-3,000 tokens per page depending on content density. [...] Because each page is converted "
        "into an image, the same image-based cost calculations are applied.",
        "https://platform.claude.com/docs/en/build-with-claude/pdf-support", "2026-11-28"),
    "pdf-gemini": Source(
        "258 tokens a page up to Gemini 2.5; 560 by default and at most 1,120 from Gemini 3 on, where the text is free.",
        "Each document page is equivalent to 258 tokens. [...] You are not charged for tokens originating from the extracted "
        "native text in PDFs.", GEMINI_DOCUMENTS, "2026-11-28"),
    "pdf-other": Source("A PDF counts as the context window.", "", "", "2026-11-28", ASSUMPTION),
    "audio-openai": Source(
        "10 tokens a second of input, 20 a second of output.",
        "Audio tokens in user messages are 1 token per 100 ms of audio, while audio tokens in assistant messages are 1 token per "
        "50ms of audio.", "https://developers.openai.com/api/docs/guides/realtime-costs", "2026-08-06"),
    "audio-gemini": Source(
        "32 tokens a second (25 from Gemini 3 on).",
        "Gemini represents each second of audio as 32 tokens; for example, one minute of audio is represented as 1,920 tokens.",
        "https://ai.google.dev/gemini-api/docs/audio", "2026-11-28"),
    "audio-length": Source(
        "WAV: data bytes by the byte rate of the header. Other formats: at least 8 kbit a second, so bytes / 1,000 seconds.",
        "", "ISO/IEC 13818-3 (lowest bit rate of MPEG-2 layer III)", "2026-11-28", ASSUMPTION),
    "video-gemini": Source(
        "263 tokens a second and 32 for its sound; from Gemini 3 on 70 a frame.",
        "Video and audio files are converted to tokens at the following fixed rates: video at 263 tokens per second and audio at "
        "32 tokens per second.", GEMINI_TOKENS, "2026-11-28"),
    "video-other": Source("A video counts as the context window.", "", "", "2026-11-28", ASSUMPTION),
    "images-openai-tokens": Source(
        "gpt-image: low 272/408/400, medium 1056/1584/1568, high 4160/6240/6208 output tokens (square/portrait/landscape). "
        "auto may be the dearest.",
        "Low: 272 tokens, 408 tokens, 400 tokens. Medium: 1056 tokens, 1584 tokens, 1568 tokens. High: 4160 tokens, 6240 tokens, "
        "6208 tokens.", "https://developers.openai.com/api/docs/guides/image-generation", "2026-11-28"),
    "images-openai-partial": Source(
        "100 output tokens for each partial image.",
        "If you want to stream image generation using the partial_images parameter, each partial image will incur an additional "
        "100 image output tokens.", "https://developers.openai.com/api/docs/guides/image-generation", "2026-11-28"),
    "images-per-image": Source(
        "DALL-E 3: $0.04 to $0.12 an image by quality and size, times n.",
        "DALL-E 3: Standard $0.04, $0.08, $0.08; HD $0.08, $0.12, $0.12", OPENAI_PRICING, "2026-11-28"),
    "embeddings": Source(
        "An embedding costs its input tokens, no output. Each text adds at most 2 special tokens.",
        "", "https://platform.openai.com/docs/guides/embeddings", "2026-11-28", ASSUMPTION),
}

OUTPUT = {
    "output-cap": Source(
        "max_completion_tokens bounds visible and hidden output together.",
        "An upper bound for the number of tokens that can be generated for a completion, including visible output tokens and "
        "reasoning tokens.", CHAT_REFERENCE, "2026-11-28"),
    "output-cap-anthropic": Source(
        "max_tokens of Messages bounds visible and hidden output together.",
        "The maximum number of tokens to generate before stopping.", "https://platform.claude.com/docs/en/api/messages",
        "2026-11-28"),
    "output-cap-qwen": Source(
        "At Qwen max_tokens does not bound the thinking; thinking_budget does, and its default is the model's longest thinking.",
        "max_tokens不限制思考模型思维链的长度。", QWEN_CHAT, "2026-11-28"),
    "output-cap-qwen-slack": Source(
        "Qwen may exceed max_completion_tokens by 10 tokens.",
        "实际输出 Token 数与设置的 max_completion_tokens 值之间最多可能存在 10 个 Token 的误差。", QWEN_CHAT, "2026-11-28"),
    "output-cap-ollama": Source(
        "Ollama reads max_tokens alone; max_completion_tokens does nothing.",
        "", "https://docs.ollama.com/api/openai-compatibility (list of supported request fields)", "2026-11-28", ASSUMPTION),
    "output-default": Source(
        "Without a limit the model's own longest answer counts; legacy completions default to 16 tokens (OpenAI, vLLM).",
        "The maximum number of tokens that can be generated in the completion. [...] default: 16",
        "https://platform.openai.com/docs/api-reference/completions/create", "2026-11-28"),
    "output-n": Source(
        "Every choice is billed: n times the limit, for each prompt of a list.",
        "Note that you will be charged based on the number of generated tokens across all of the choices.",
        CHAT_REFERENCE, "2026-11-28"),
    "output-best-of": Source(
        "best_of candidates are generated and billed, although only n are returned.",
        "Because this parameter generates many completions, it can quickly consume your token quota.",
        "https://platform.openai.com/docs/api-reference/completions/create", "2026-11-28"),
    "output-n-ignored": Source(
        "n has no effect at Anthropic, Groq (refused), DeepSeek and Ollama.", "", "", "2026-11-28", ASSUMPTION),
    "output-reasoning": Source(
        "Hidden reasoning is billed as output.",
        "While reasoning tokens are not visible via the API, they still occupy space in the model's context window and are billed "
        "as output tokens.", OPENAI_PRICING, "2026-11-28"),
    "output-reasoning-anthropic": Source(
        "Claude's thinking is billed in full, whether it is shown, summarised or omitted.",
        "You're charged for the full thinking tokens generated by the original request, not the summary tokens.",
        "https://platform.claude.com/docs/en/build-with-claude/extended-thinking", "2026-11-28"),
    "output-reasoning-gemini": Source(
        "Gemini's thoughts are billed as output; the compatible endpoint leaves them out of completion_tokens.",
        "When thinking is turned on, response pricing is the sum of output tokens and thinking tokens.",
        "https://ai.google.dev/gemini-api/docs/thinking", "2026-09-25"),
    "output-reasoning-xai": Source(
        "Reasoning tokens cost the completion price; completion_tokens leaves them out.",
        "Reasoning tokens: Charged at completion token price", XAI_CONSUMPTION, "2026-11-28"),
    "output-reasoning-deepseek": Source(
        "The chain of thought is part of the output and costs the same.",
        "The output token count of deepseek-reasoner includes all tokens from CoT and the final answer, and they are priced "
        "equally.", "https://api-docs.deepseek.com/quick_start/pricing", "2026-11-28"),
    "output-prediction": Source(
        "Rejected prediction tokens are billed as output. That they may come on top of the limit is an assumption.",
        "like reasoning tokens, these tokens are still counted in the total completion tokens for purposes of billing, output, "
        "and context window limits.", CHAT_REFERENCE, "2026-11-28", ASSUMPTION),
    "output-special": Source(
        "Tokens that are not text (turn markers, the frame of a tool call) are billed: at most 8 a choice and 12 a call.",
        "Note that token counts include special tokens aside from the content of a message which will surface as small variations "
        "in these counts.", "https://developers.openai.com/api/docs/guides/realtime-costs", "2026-11-28", ASSUMPTION),
    "output-rate": Source(
        "A model that states no rate makes at most 200 tokens a second and choice.", "", "", "2026-11-28", ASSUMPTION),
}

PRICES = {
    "price-cached": Source(
        "Cached input never costs more than input; a prompt that was expected to be cached may not be.",
        "Cached prompt tokens: Charged at cached prompt token price", XAI_CONSUMPTION, "2026-11-28"),
    "price-cache-write-anthropic": Source(
        "A cache write costs 1.25 times the input price (5 minutes) or 2 times (1 hour).",
        "5-minute cache write tokens are 1.25 times the base input tokens price; 1-hour cache write tokens are 2 times the base "
        "input tokens price; Cache read tokens are 0.1 times the base input tokens price.",
        "https://platform.claude.com/docs/en/build-with-claude/prompt-caching", "2026-11-28"),
    "price-cache-write-openai": Source(
        "From gpt-5.6 on cache writes cost 1.25 times the input price and need no member of the request.",
        "Cache writes are billed at 1.25x the uncached input token rate.",
        "https://developers.openai.com/api/docs/models/gpt-6-astra", "2026-09-10"),
    "price-long": Source(
        "Above 272K input tokens the whole request costs 2 times input and 1.5 times output.",
        "Prompts with more than 272K input tokens are priced at 2x input and cache rates and 1.5x output for the full request.",
        "https://developers.openai.com/api/docs/models/gpt-6-astra", "2026-09-10"),
    "price-tier-openai": Source(
        "priority and fast cost 2 times, flex half. Absent and auto mean the project's setting, which may be priority.",
        "If set to 'auto', then the request will be processed with the service tier configured in the Project settings. [...] When "
        "not set, the default behavior is 'auto'. [...] Fast mode is priced at 2x the applicable rates.",
        CHAT_REFERENCE, "2026-11-28"),
    "price-tier-xai": Source(
        "priority costs 2 times, and only where the answer says that it was served so.",
        "service_tier: \"priority\" bills at 2x standard on all token types. You are only charged the premium when the response "
        "confirms it.", XAI_MODELS, "2026-11-28", THIRD_PARTY),
    "price-tier-other": Source(
        "Groq's flex costs the same as on_demand; any other unknown tier is assumed to cost up to 2 times.",
        "", "", "2026-11-28", ASSUMPTION),
    "price-anthropic-geo": Source(
        "inference_geo us costs 1.1 times; speed fast costs 2 times.",
        "const US_ONLY = { geo_us_multiplier: 1.1 }; const OPUS_FAST = { fast: { input: 10, output: 50 } }; (a price table that "
        "cites the page)", CLAUDE_PRICING, "2026-09-14", THIRD_PARTY),
    "price-substitute": Source(
        "OpenRouter bills the model that answered; models[] and a router name models that may answer.",
        "Requests are priced using the model that was ultimately used, which will be returned in the model attribute of the "
        "response body.", "https://openrouter.ai/docs/guides/routing/model-fallbacks", "2026-11-28"),
    "price-substitute-unknown": Source(
        "A substitute without a known price has no bound.", "", "", "2026-11-28", ASSUMPTION),
    "fee-search-openai": Source(
        "A search of a search-preview model costs $25 a thousand calls, one call a request and choice.",
        "Web search preview (non-reasoning models): $25.00 / 1k calls + search content tokens are free",
        OPENAI_PRICING, "2026-11-28"),
    "fee-search-anthropic": Source(
        "Each search costs $10 a thousand, and what it found is input; max_uses bounds the number, 10 is assumed without it.",
        "Web search is available on the Claude API for $10 per 1,000 searches, plus standard token costs for search-generated "
        "content.", CLAUDE_PRICING, "2026-11-28"),
    "fee-search-openrouter": Source(
        "The web plugin and :online cost $4 a thousand results, 5 by default, and the results are input.",
        "The web plugin uses your OpenRouter credits and charges $4 per 1000 results. By default, max_results set to 5, this "
        "comes out to a maximum of $0.02 per request, in addition to the LLM usage for the search result prompt tokens.",
        "https://openrouter.ai/docs/features/web-search", "2026-11-28"),
    "fee-search-xai": Source(
        "Live search costs $25 a thousand sources; max_search_results bounds them, 20 is assumed without it.",
        "Live Search costs $25 per 1,000 sources requested, each source used (Web, X, News, RSS) in a request counts toward the "
        "usage.", XAI_MODELS, "2026-11-28"),
    "fee-search-qwen": Source("enable_search costs at most $10 a thousand requests.", "", QWEN_CHAT, "2026-11-28", ASSUMPTION),
    "error-xai": Source(
        "A request that breaks xAI's guidelines is billed, although it is refused: its input here. The Responses API has a fee of "
        "$0.05; until 2025 the page named it for every request.",
        "When your request is deemed to be in violation of our usage guideline by our system, we will still charge for the "
        "generation of the request. For violations that are caught before generation in the Responses API, we will charge a $0.05 "
        "usage guideline violation fee per request.", XAI_MODELS, "2026-11-28"),
}

ENDINGS = {
    "close-openrouter-list": Source(
        "Closing a stream stops the bill at OpenAI, Azure, Anthropic, Together, xAI, DeepSeek; not at Groq, Google, Mistral, "
        "Alibaba.",
        "Streaming requests can be cancelled by aborting the connection. For supported providers, this immediately stops model "
        "processing and billing. Supported: OpenAI, Azure, Anthropic [...] Together [...] XAI [...] DeepSeek. Not Currently "
        "Supported: AWS Bedrock, Groq [...] Google, Google AI Studio [...] Mistral [...] Alibaba",
        OPENROUTER_STREAMING, "2026-11-28", THIRD_PARTY),
    "close-plain": Source(
        "Closing a request that is not streamed stops nothing: the whole answer is billed.",
        "Cancellation only works for streaming requests with supported providers. For non-streaming requests or unsupported "
        "providers, the model will continue processing and you will be billed for the complete response.",
        OPENROUTER_STREAMING, "2026-11-28", THIRD_PARTY),
    "close-anthropic": Source(
        "Anthropic bills a call that its client left. How much, the page does not say.",
        "However you will be charged if your client disconnects or times out in the middle of an API call that was on track to be "
        "successful.", CLAUDE_BILLED, "2026-07-29"),
    "close-openrouter": Source(
        "OpenRouter stops where the provider behind it stops; without a known provider it runs on.",
        "For supported providers, this immediately stops model processing and billing.", OPENROUTER_STREAMING, "2026-11-28"),
    "close-vllm": Source(
        "vLLM aborts a request whose client left.",
        "if a request is not being cancelled when a client disconnects. Please provide reproduction instructions. This is a bug "
        "if so", "https://github.com/vllm-project/vllm/issues/8332", "2024-09-10"),
    "close-ollama": Source(
        "Ollama stops when the request is aborted.",
        "Yes! If you abort the request Ollama will stop generation.", "https://github.com/ollama/ollama/issues/2876",
        "2024-03-12"),
    "close-llamacpp": Source(
        "llama.cpp frees the slot; some versions ran on to the end.",
        "When a client disconnects (e.g. Ctrl+C on the calling process), llama-server continues generating tokens indefinitely.",
        "https://github.com/ggml-org/llama.cpp/issues/24496", "2026-06-11"),
    "close-lag": Source(
        "A vendor that stops notices the close within half a second. What each choice makes in that time is billed.",
        "", "", "2026-11-28", ASSUMPTION),
    "error-anthropic": Source(
        "A failed call costs nothing.",
        "In general, failed requests are not charged, and you will only be billed for successful API calls and completed tasks.",
        CLAUDE_BILLED, "2026-07-29"),
    "error-gemini": Source(
        "400 and 500 cost nothing. Other statuses are not named.",
        "If your request fails with a 400 or 500 error, you won't be charged for the tokens used.",
        "https://ai.google.dev/gemini-api/docs/billing", "2026-09-20"),
    "error-azure": Source(
        "A content filter's 400 and a 408 are billed; 401 and 429 are not.",
        "If the service performs processing, you're charged even if the status code isn't successful (not 200). For example, a "
        "400 error due to a content filter or input limit, or a 408 error due to a timeout.",
        "https://learn.microsoft.com/en-us/azure/ai-foundry/concepts/manage-costs", "2026-09-11"),
    "error-openrouter": Source(
        "An answer without output, or with an error, costs nothing.",
        "When a response contains no output tokens and either has a blank finish reason or an error, you will not be charged for "
        "the model's token usage, even if the underlying provider charges for prompt processing.",
        "https://openrouter.ai/docs/guides/features/zero-completion-insurance", "2026-09-29"),
    "error-openai-flex": Source(
        "429 on flex costs nothing.",
        "Flex processing may sometimes lack sufficient resources to handle your requests, resulting in a 429 Resource Unavailable "
        "error code. You will not be charged when this occurs.",
        "https://developers.openai.com/api/docs/guides/flex-processing", "2026-10-04"),
    "error-other": Source(
        "An error status, or an error as the first event, costs nothing.", "", "", "2026-11-28", ASSUMPTION),
    "lost-before-head": Source(
        "A connection that broke before the head may mean nothing done, or the whole answer made.",
        "", "", "2026-11-28", ASSUMPTION),
    "vendor-cut": Source(
        "A stream that the vendor broke is billed like one that was closed on it, unless the vendor says that failures are free.",
        "", "", "2026-11-28", ASSUMPTION),
    "whole": Source(
        "A whole answer costs what its usage says.",
        "it contains a null value except for the last chunk which contains the token usage statistics for the entire request.",
        CHAT_REFERENCE, "2026-11-28"),
}

SOURCES: dict[str, Source] = {**TEXT, **IMAGES, **MEDIA, **OUTPUT, **PRICES, **ENDINGS}


def table() -> str:
    """All rules as text, one block a rule."""
    blocks = []
    for key, source in SOURCES.items():
        lines = [f"{key}  [{source.standing}, seen {source.seen}]", f"    {source.rule}"]
        if source.quote:
            lines.append(f"    \"{source.quote}\"")
        if source.url:
            lines.append(f"    {source.url}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)
