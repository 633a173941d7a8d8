/// Certificate chain and key of a listener, both PEM files.
package struct TLSFiles: Sendable {
    package let certificate: String
    package let key: String
}

extension SettingsReader {
    /// The pair of two settings that belong together; `nil` when neither is set.
    package mutating func tlsFiles(_ certificate: String?, _ key: String?) -> TLSFiles? {
        switch (certificate, key) {
        case (let certificate?, let key?): return TLSFiles(certificate: certificate, key: key)
        case (nil, nil): return nil
        default:
            report("\(prefix)TLS_CERTIFICATE_FILE and \(prefix)TLS_KEY_FILE belong together")
            return nil
        }
    }

    /// Whether secrets may be read from `host` in clear: from this machine alone, unless `PLAINTEXT=behind-proxy` says that whoever is in
    /// front of it ends TLS.
    package mutating func mayBePlain(_ name: String, on host: String) -> Bool {
        let isBehindProxy = value(name, default: false, "behind-proxy, or not to be set") {
            $0 == "behind-proxy" ? true : nil
        }
        return isBehindProxy || Self.isLoopback(host)
    }

    /// Adds a sentence for a plain listener that others than this machine could reach.
    package mutating func refusePlain(on host: String) {
        report(
            "\(prefix)HOST=\(host) would serve keys in clear to other machines: set \(prefix)TLS_CERTIFICATE_FILE and"
                + " \(prefix)TLS_KEY_FILE, or \(prefix)PLAINTEXT=behind-proxy where a proxy in front of it ends TLS")
    }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
