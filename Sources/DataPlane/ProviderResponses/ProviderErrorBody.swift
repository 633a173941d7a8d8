internal import GatewayModel
internal import JSONScan

/// The content of an error response, whatever its shape.
///
/// Known shapes: OpenAI's `{"error":{…}}`, the same in an array (Gemini's compatible endpoint), flat (Mistral, older
/// vLLM), a list in `detail` (Mistral's 422), a text beside a text code (xAI), inside a choice (OpenRouter),
/// Anthropic's `{"type":"error","error":{…}}`, or no JSON at all.
struct ProviderErrorBody {
    /// For people: at most `messageBytesMax` bytes, without keys, account names and addresses.
    private(set) var message = "the provider refused the request"
    /// Members that name the kind of error (`type`, `code`, `status`, `reason`), each complete and in lower case.
    ///
    /// Their values are the vendor's; a client cannot inject text into them.
    private(set) var codes: Set<String> = []
    /// The message and other free text, in lower case. Providers may repeat there what a client sent.
    private(set) var words = ""
    /// Whether it names a quota that resets daily.
    private(set) var namesDailyQuota = false
    /// Whether it names a member of the request, as OpenAI's `param` does.
    private(set) var namesParameter = false
    /// A status given in the error itself.
    private(set) var status: Int?
    /// How long to wait before a retry, in milliseconds: from a member, and from the message.
    private(set) var waitMs: Int64?
    private(set) var waitInMessageMs: Int64?

    static let messageBytesMax = 2_000
    private static let wordsBytesMax = 4_000
    private static let codeBytesMax = 200

    init(_ body: [UInt8]) {
        var document = body
        var found = try? JSONScanner.members(of: document)
        if found == nil {
            // Scanned as a member, an array is validated to its end.
            document = Array(#"{"error":"#.utf8) + body + Array("}".utf8)
            found = try? JSONScanner.members(of: document)
        }
        guard found != nil else { return }
        document.withJSON { bytes in
            guard let start = bytes.firstIndex(of: UInt8(ascii: "{")),
                let end = bytes.lastIndex(of: UInt8(ascii: "}"))
            else { return }
            read(top: JSONView(bytes, start..<(end + 1)))
        }
        words = words.truncated(toBytes: Self.wordsBytesMax).lowercased()
    }

    private mutating func read(top: JSONView) {
        let choice = top["choices"]?.elements.first { _ in true }
        guard var error = top["error"] ?? choice?["error"] ?? top["x_groq"]?["error"], !error.isNull else {
            return read(error: top)
        }
        if error.kind == .array, let first = error.elements.first(where: { _ in true }) {
            error = first["error"] ?? first
        }
        if let text = error.string {
            note(text)
            code(top["code"])
            message = ErrorText.cleaned(text)
            return
        }
        read(error: error)
    }

    private mutating func read(error: JSONView) {
        if let text = error["message"]?.string ?? Self.detail(error["message"]) ?? Self.detail(error) {
            note(text)
            message = ErrorText.cleaned(text)
            waitInMessageMs = WaitHint.milliseconds(in: text.truncated(toBytes: Self.messageBytesMax))
        }
        for name in ["type", "code", "status"] as [StaticString] { code(error[name]) }
        code(error["innererror"]?["code"])
        namesParameter = error["param"]?.string != nil
        if let code = error["code"]?.integer, (400..<600).contains(code) { status = Int(code) }
        let metadata = error["metadata"]
        note(metadata?["raw"])
        if let reasons = metadata?["reasons"] { for reason in reasons.elements { note(reason) } }
        guard let details = error["details"] else { return }
        for item in details.elements {
            code(item["reason"])
            if let delay = item["retryDelay"]?.string {
                waitMs = WaitHint.duration(delay.truncated(toBytes: Self.messageBytesMax)[...]) ?? waitMs
            }
            guard let violations = item["violations"] else { continue }
            for violation in violations.elements {
                let quota = violation["quotaId"]?.string?.lowercased() ?? ""
                namesDailyQuota = namesDailyQuota || quota.contains("perday")
            }
        }
    }

    /// `detail` as text, or as a list of locations and messages (FastAPI's format).
    private static func detail(_ holder: JSONView?) -> String? {
        guard let detail = holder?["detail"] else { return nil }
        if let text = detail.string { return text }
        let lines = detail.elements.prefix(3).map { item in
            let location = item["loc"]?.elements.compactMap { $0.string ?? $0.integer.map(String.init) } ?? []
            return (location.isEmpty ? "" : location.joined(separator: ".") + ": ") + (item["msg"]?.string ?? "refused")
        }
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }

    private mutating func note(_ value: JSONView?) {
        if let text = value?.string { note(text) } else if let number = value?.integer { note(String(number)) }
    }

    private mutating func note(_ text: String) {
        guard words.utf8.count < Self.wordsBytesMax else { return }
        words += text.truncated(toBytes: Self.messageBytesMax) + "\n"
    }

    private mutating func code(_ value: JSONView?) {
        guard let text = value?.string ?? value?.integer.map(String.init) else { return }
        codes.insert(text.truncated(toBytes: Self.codeBytesMax).lowercased())
        note(text)
    }
}
