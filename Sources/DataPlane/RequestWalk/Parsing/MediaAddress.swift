internal import JSONScan
internal import PlaneContract

/// The URL of an image or a file in a message: http, https, or a data URL (RFC 2397), which may name its media type.
struct MediaAddress {
    let isData: Bool
    /// A media type such as `image/png`, in lower case; empty where none is given.
    private let type: String

    /// Only the scheme and type are decoded, since a data URL may be megabytes long. Each byte may be escaped to six.
    private static let headBytes = 6 * 64

    /// - Returns: `nil` unless it is an http, https or data URL.
    init?(_ url: JSONView) {
        let head = UnsafeBufferPointer(rebasing: url.content.prefix(Self.headBytes))
        let text = JSONString.unescaped(head).lowercased()
        if text.hasPrefix("data:") {
            isData = true
            type = String(text.dropFirst("data:".count).prefix { $0 != ";" && $0 != "," })
        } else if text.hasPrefix("https://") || text.hasPrefix("http://") {
            isData = false
            type = ""
        } else {
            return nil
        }
    }

    var isText: Bool { isData && type.hasPrefix("text/") }

    /// - Parameter assumed: the kind where the URL has no type.
    func kind(as assumed: MediaKind) -> MediaKind {
        if type.isEmpty { return assumed }
        if type.hasPrefix("image/") { return .image }
        if type.hasPrefix("audio/") { return .audio }
        return type.hasPrefix("video/") ? .video : .document
    }
}
