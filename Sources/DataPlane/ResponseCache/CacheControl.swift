/// A request's `Cache-Control` (RFC 9111 §5.2.1): the directives that apply to this cache. Others are ignored, as the
/// RFC requires.
package struct CacheControl: Sendable, Equatable {
    /// `no-store`: neither read nor store.
    package var forbidsKeeping = false
    /// `no-cache`, or `max-age=0`: get a new answer, and store it.
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

    /// Delta-seconds (RFC 9111 §1.2.2): digits only; a number too large to represent means the maximum.
    private static func seconds(_ text: some StringProtocol) -> Int64? {
        let digits = String(text.filter { $0 != "\"" })
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
        return min(Int64(digits) ?? secondsMax, secondsMax)
    }
}
