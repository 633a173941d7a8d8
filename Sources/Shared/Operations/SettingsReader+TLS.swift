package import TLS

/// Certificate chain and key of a listener, both PEM files.
package struct TLSFiles: Sendable {
    package let certificate: String
    package let key: String
}

extension SettingsReader {
    /// Combines two settings that belong together; `nil` when neither is set.
    package mutating func tlsFiles(_ certificate: String?, _ key: String?) -> TLSFiles? {
        switch (certificate, key) {
        case (let certificate?, let key?): return TLSFiles(certificate: certificate, key: key)
        case (nil, nil): return nil
        default:
            report("\(prefix)TLS_CERTIFICATE_FILE and \(prefix)TLS_KEY_FILE must be set together")
            return nil
        }
    }

    /// Whether `host` may be served without TLS.
    ///
    /// That is allowed on loopback addresses, or if the setting `name` is `behind-proxy`: a proxy in front terminates
    /// TLS.
    package mutating func allowsPlaintext(_ name: String, on host: String) -> Bool {
        let isBehindProxy = value(name, default: false, "behind-proxy, or no value") {
            $0 == "behind-proxy" ? true : nil
        }
        return isBehindProxy || Self.isLoopback(host)
    }

    /// Reports a listener without TLS that other machines could reach.
    package mutating func rejectPlaintext(on host: String) {
        report(
            "\(prefix)HOST=\(host) would accept keys in plain text from other machines: set \(prefix)TLS_CERTIFICATE_FILE and"
                + " \(prefix)TLS_KEY_FILE, or \(prefix)PLAINTEXT=behind-proxy if a proxy in front of it terminates TLS")
    }

    /// Reports what is wrong with the files for TLS to Redis.
    ///
    /// - Parameter isUsed: whether a URL begins with `rediss://`.
    package mutating func checkRedisTLS(_ client: TLSClient, isUsed: Bool) {
        guard let problem = client.problem(isUsed: isUsed) else { return }
        report("\(prefix)REDIS_CA_FILE, REDIS_CERTIFICATE_FILE, REDIS_KEY_FILE: \(problem)")
    }

    /// Reports an operations port, which has no TLS, that other machines could reach.
    package mutating func rejectPlaintextOperations(on host: String) {
        report(
            "\(prefix)OPERATIONS_HOST=\(host) would show metrics in plain text to other machines: use a loopback address, or set"
                + " \(prefix)OPERATIONS_PLAINTEXT=behind-proxy if a proxy in front of it terminates TLS")
    }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
