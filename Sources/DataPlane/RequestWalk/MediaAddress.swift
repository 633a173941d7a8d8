internal import JSONScan
internal import PlaneContract

/// The address of an image or a file: on the web, or the data itself (RFC 2397), which names its type.
struct MediaAddress {
    let isData: Bool
    /// Such as `image/png`, in lower case; empty where none is named.
    private let type: String

    /// Every byte of a scheme and a type can be escaped to six; a data URL may be megabytes long.
    private static let headBytes = 6 * 64

    /// - Returns: `nil` for what is no http, https or data URL.
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

    /// - Parameter assumed: what it stands for where its type does not say.
    func kind(as assumed: MediaKind) -> MediaKind {
        if type.isEmpty { return assumed }
        if type.hasPrefix("image/") { return .image }
        if type.hasPrefix("audio/") { return .audio }
        return type.hasPrefix("video/") ? .video : .document
    }
}
