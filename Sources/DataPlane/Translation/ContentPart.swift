package import JSONScan

/// The members of a content part that are passed on; all others are dropped.
///
/// Among those are members that make a vendor count more tokens for the same image (`max_pixels`, `fps`), or that refer
/// to what another client sent (`uuid`).
package enum ContentPart {
    private static let members = NameSet([
        "type", "text", "refusal", "image_url", "input_audio", "audio_url", "video_url", "document_url", "file",
        "cache_control", "prompt_cache_breakpoint",
    ])
    private static let inner = NameSet(["url", "detail", "data", "format", "filename", "file_data"])
    /// Members whose values are objects.
    private static let media = NameSet([
        "image_url", "input_audio", "audio_url", "video_url", "document_url", "file",
    ])

    /// Whether the part has members that must be dropped.
    package static func hasUnknownMembers(_ part: JSONView) -> Bool {
        var members = part.members
        while let (name, value) = members.next() {
            guard Self.members.contains(name) else { return true }
            guard media.contains(name), value.kind == .object else { continue }
            var within = value.members
            while let (name, _) = within.next() { if !inner.contains(name) { return true } }
        }
        return false
    }

    /// The part without dropped members; `nil` when nothing had to change.
    static func plain(_ part: JSONView, stripsCacheMarkers: Bool) -> [UInt8]? {
        var object = ObjectWriter()
        var members = part.members
        while let (name, value) = members.next() {
            if !Self.members.contains(name) || stripsCacheMarkers && MessageRule.isCacheMarker(name) {
                object.omit()
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
            if inner.contains(name) { object.add(name, value, changed: nil) } else { object.omit() }
        }
        return object.result()
    }
}
