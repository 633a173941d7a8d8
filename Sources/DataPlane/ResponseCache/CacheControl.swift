/// What the `Cache-Control` of a request asks of the cache (RFC 9111 §5.2.1): the directives that make sense here; others are
/// ignored, as the RFC wants it.
package struct CacheControl: Sendable, Equatable {
    /// `no-store`: neither read nor keep.
    package var forbidsKeeping = false
    /// `no-cache`, or `max-age=0`: answer afresh, and keep that.
    package var forbidsReading = false
    /// `max-age`: no answer older than this, in milliseconds.
    package var ageMsMax: Int64 = .max

    private static let secondsMax: Int64 = 1 << 31

    package init(_ value: String?) {
        guard let value else { return }
        for directive in value.lowercased().split(separator: ",") {
            let parts = directive.filter { $0 != " " && $0 != "\t" }.split(separator: "=", maxSplits: 1)
            switch parts.first {
            case "no-store": forbidsKeeping = true
            case "no-cache": forbidsReading = true
            case "max-age":
                guard parts.count == 2, let seconds = Self.seconds(parts[1]) else { continue }
                ageMsMax = min(ageMsMax, seconds * 1_000)
                if seconds == 0 { forbidsReading = true }
            default: break
            }
        }
    }

    /// Delta-seconds (RFC 9111 §1.2.2): digits alone, and too many of them mean the most there is.
    private static func seconds(_ text: some StringProtocol) -> Int64? {
        let digits = String(text.filter { $0 != "\"" })
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        return min(Int64(digits) ?? secondsMax, secondsMax)
    }
}
