internal import CCurl
internal import Glibc

/// The head of a provider's answer, line by line as libcurl hands it over.
struct ResponseHead {
    enum Step {
        case goOn
        /// The last line of the final head; interim ones (1xx) do not count.
        case complete
        case refused(String)
    }

    private(set) var status = 0
    private(set) var contentType = ""
    private(set) var retryAfterMs: Int64?
    private var bytes = 0
    private var length: String?

    mutating func take(_ line: UnsafeRawBufferPointer) -> Step {
        bytes += line.count
        guard bytes <= CurlTransfer.headerBytesMax else { return .refused("response headers larger than 64 KiB") }
        var end = line.count
        while end > 0, line[end - 1] == 0x0a || line[end - 1] == 0x0d { end -= 1 }
        guard end > 0 else { return status >= 200 ? .complete : .goOn }
        if line.starts(with: "HTTP/".utf8) {
            status = Self.status(in: line)
            length = nil
            return .goOn
        }
        // Only few fields matter; their names begin with c, r or t.
        let initial = line[0] | 0x20
        guard initial == UInt8(ascii: "c") || initial == UInt8(ascii: "r") || initial == UInt8(ascii: "t") else {
            return .goOn
        }
        return field(String(decoding: UnsafeRawBufferPointer(rebasing: line[..<end]), as: UTF8.self))
    }

    private static func status(in line: UnsafeRawBufferPointer) -> Int {
        guard let space = line.firstIndex(of: 0x20) else { return 0 }
        return line[(space + 1)...].prefix { $0 &- 0x30 < 10 }.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private mutating func field(_ line: String) -> Step {
        guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { return .goOn }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        switch line[..<colon].lowercased() {
        case "content-type": contentType = String(value)
        case "retry-after-ms": retryAfterMs = Int64(value)
        case "retry-after": retryAfterMs = retryAfterMs ?? Self.wait(String(value))
        case "content-encoding" where value.lowercased() != "identity": return .refused("compressed response")
        // libcurl would inflate it unasked, without a bound.
        case "transfer-encoding" where value.lowercased() != "chunked": return .refused("compressed response")
        case "content-length":
            guard length == nil || length == String(value) else { return .refused("two lengths of one answer") }
            length = String(value)
        default: break
        }
        return .goOn
    }

    /// Seconds, or an HTTP date (RFC 9110 §10.2.3), as milliseconds from now.
    private static func wait(_ value: String) -> Int64? {
        if let seconds = Double(value), seconds >= 0, seconds < 1e9 { return Int64(seconds * 1000) }
        let date = curl_getdate(value, nil)
        return date > 0 ? max(0, Int64(date - time(nil)) * 1000) : nil
    }
}
