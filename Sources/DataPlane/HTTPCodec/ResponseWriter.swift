internal import GatewayModel

/// Writes HTTP/1.1 responses into a buffer (RFC 9112 §4, §7.1).
package enum ResponseWriter {
    /// Appends the status line (RFC 9112 §4), with CRLF. The reason phrase is `Status` for codes the gateway does not
    /// use.
    package static func statusLine(_ status: Int, into out: inout [UInt8]) {
        if status == 200 { return out.append("HTTP/1.1 200 OK\r\n") }
        out.append("HTTP/1.1 ")
        out.append(decimal: Int64(status))
        out.append(0x20)
        out.append(contentsOf: reason(status).utf8)
        out.append("\r\n")
    }

    /// Writes a chunk of a chunked body. Writes nothing for no bytes, because an empty chunk ends the body.
    package static func chunk(_ bytes: [UInt8], into out: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        out.append(hex: bytes.count)
        out.append("\r\n")
        out.append(contentsOf: bytes)
        out.append("\r\n")
    }

    /// Ends a chunked body: the empty chunk, the trailer fields and an empty line (RFC 9112 §7.1).
    package static func lastChunk(_ trailers: [(String, String)], into out: inout [UInt8]) {
        out.append("0\r\n")
        for (name, value) in trailers {
            out.append(text: name)
            out.append(": ")
            out.append(text: value)
            out.append("\r\n")
        }
        out.append("\r\n")
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }
}
