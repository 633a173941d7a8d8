internal import CCurl
internal import Glibc

/// The head of a provider's response, parsed line by line as libcurl delivers it.
struct ResponseHead {
    enum Step {
        case incomplete
        /// The final head is complete; interim ones (1xx) do not count.
        case complete
        case refused(String)
    }

    private(set) var status = 0
    private(set) var contentType = ""
    private(set) var retryAfterMs: Int64?
    private var bytes = 0
    private var length: String?

    mutating func parse(_ line: UnsafeRawBufferPointer) -> Step {
        bytes += line.count
        guard bytes <= CurlTransfer.headerBytesMax else { return .refused("response headers larger than 64 KiB") }
        var end = line.count
        while end > 0, line[end - 1] == 0x0a || line[end - 1] == 0x0d { end -= 1 }
        guard end > 0 else { return status >= 200 ? .complete : .incomplete }
        if line.starts(with: "HTTP/".utf8) {
            status = Self.status(in: line)
            length = nil
            return .incomplete
        }
        // Only a few fields matter; their names begin with c, r or t.
        let initial = line[0] | 0x20
        guard initial == UInt8(ascii: "c") || initial == UInt8(ascii: "r") || initial == UInt8(ascii: "t") else {
            return .incomplete
        }
        return field(UnsafeRawBufferPointer(rebasing: line[..<end]))
    }

    private static func status(in line: UnsafeRawBufferPointer) -> Int {
        guard let space = line.firstIndex(of: 0x20) else { return 0 }
        return line[(space + 1)...].prefix { $0 &- 0x30 < 10 }.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private mutating func field(_ line: UnsafeRawBufferPointer) -> Step {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return .incomplete }
        var start = colon + 1
        while start < line.count, line[start] == 0x20 || line[start] == 0x09 { start += 1 }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        let value = UnsafeRawBufferPointer(rebasing: line[start...])
        if Self.same(name, "content-type") {
            contentType = Self.contentType(value)
        } else if Self.same(name, "content-length") {
            let text = String(decoding: value, as: UTF8.self)
            guard length == nil || length == text else { return .refused("two different Content-Length fields") }
            length = text
        } else if Self.same(name, "content-encoding") {
            return Self.same(value, "identity") ? .incomplete : .refused("compressed response")
        } else if Self.same(name, "transfer-encoding") {
            // libcurl would decompress other codings unasked and without a bound.
            return Self.same(value, "chunked") ? .incomplete : .refused("compressed response")
        } else if Self.same(name, "retry-after-ms") {
            retryAfterMs = Int64(String(decoding: value, as: UTF8.self))
        } else if Self.same(name, "retry-after") {
            retryAfterMs = retryAfterMs ?? Self.wait(String(decoding: value, as: UTF8.self))
        }
        return .incomplete
    }

    /// Returns constants for the two most frequent types: a string of more than 15 bytes is a heap allocation.
    private static func contentType(_ value: UnsafeRawBufferPointer) -> String {
        if same(value, "application/json") { return "application/json" }
        if same(value, "text/event-stream") { return "text/event-stream" }
        return String(decoding: value, as: UTF8.self)
    }

    /// Case-insensitive comparison; `text` is in lower case.
    private static func same(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for at in 0..<bytes.count {
            let byte = bytes[at]
            let lowered = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
            if lowered != text.utf8Start[at] { return false }
        }
        return true
    }

    /// Parses seconds or an HTTP date (RFC 9110 §10.2.3) to milliseconds from now.
    private static func wait(_ value: String) -> Int64? {
        if let seconds = Double(value), seconds >= 0, seconds < 1e9 { return Int64(seconds * 1000) }
        let date = curl_getdate(value, nil)
        return date > 0 ? max(0, Int64(date - time(nil)) * 1000) : nil
    }
}
