package import JSONScan

/// The members of a content part that mean something. All others are left out: among them are those by which a vendor makes more
/// tokens of the same image (`max_pixels`, `fps`) or takes what another caller sent before (`uuid`).
package enum ContentPart {
    private static let members = NameSet([
        "type", "text", "refusal", "image_url", "input_audio", "audio_url", "video_url", "document_url", "file",
        "cache_control", "prompt_cache_breakpoint",
    ])
    private static let inner = NameSet(["url", "detail", "data", "format", "filename", "file_data"])
    /// Their values are objects.
    private static let media = NameSet([
        "image_url", "input_audio", "audio_url", "video_url", "document_url", "file",
    ])

    /// Whether something in it is to be left out.
    package static func isOdd(_ part: JSONView) -> Bool {
        var members = part.members
        while let (name, value) = members.next() {
            guard Self.members.contains(name) else { return true }
            guard media.contains(name), value.kind == .object else { continue }
            var within = value.members
            while let (name, _) = within.next() { if !inner.contains(name) { return true } }
        }
        return false
    }

    /// The part without what is left out; `nil` when nothing had to change.
    static func plain(_ part: JSONView, stripsCacheMarkers: Bool) -> [UInt8]? {
        var object = ObjectWriter()
        var members = part.members
        while let (name, value) = members.next() {
            if !Self.members.contains(name) || stripsCacheMarkers && MessageRule.isCacheMarker(name) {
                object.leaveOut()
            } else if media.contains(name), value.kind == .object {
                object.add(name, value, changed: plain(media: value))
            } else {
                object.add(name, value, changed: nil)
            }
        }
        return object.result()
    }

    private static func plain(media: JSONView) -> [UInt8]? {
        var object = ObjectWriter()
        var members = media.members
        while let (name, value) = members.next() {
            if inner.contains(name) { object.add(name, value, changed: nil) } else { object.leaveOut() }
        }
        return object.result()
    }
}
