internal import PlaneContract

/// Whether the model a provider reports is the one its deployment is declared to serve.
///
/// Providers resolve a name to a dated version of the same model (`gpt-4o` to `gpt-4o-2024-08-06`), prefix it with a
/// vendor or a folder, or report the model behind a name of their own. A different base name means a different model.
package enum ModelFamily {
    /// - Parameter reported: the `model` member of a response.
    package static func includes(_ reported: String, _ target: RouteTarget) -> Bool {
        if reported == target.deployment.upstreamModel { return true }
        let base = base(of: reported)
        return base == Self.base(of: target.deployment.upstreamModel) || base == Self.base(of: target.model.name)
    }

    /// The name in lower case, without vendor prefix and version suffixes.
    package static func base(of name: String) -> String {
        var words = name.lowercased().split(separator: "/").last.map { $0.split(separator: "-") } ?? []
        while words.count > 1, let last = words.last, isVersion(last) { words.removeLast() }
        return words.joined(separator: "-")
    }

    /// `2024`, `08`, `20241022`, `002` and the like, or `latest`.
    private static func isVersion(_ word: Substring) -> Bool {
        word == "latest" || word.utf8.count >= 2 && word.utf8.allSatisfy { $0 &- 0x30 < 10 }
    }
}
