internal import CSSL
internal import Glibc
internal import Synchronization

/// The PEM files of a TLS client.
package struct TLSClientFiles: Sendable {
    /// The authorities that vouch for servers; `nil` for those that the system trusts.
    package var authorities: String?
    /// The chain and key that this client presents to servers that ask for a certificate.
    package var certificate: String?
    package var key: String?

    package init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }

    fileprivate var paths: [String] { [authorities, certificate, key].compactMap { $0 } }
}

/// Makes the sessions of a TLS client: TLS 1.2 or 1.3, with the server's chain and name verified.
///
/// Verification cannot be switched off. The files are read again for the next session once they have changed; if they
/// cannot be used then, there is no session.
package final class TLSClient: Sendable {
    private struct Loaded {
        var context: TLSContext
        var stamps: [FileStamp]
    }

    private let files: TLSClientFiles
    private let loaded = Mutex<Loaded?>(nil)

    package init(_ files: TLSClientFiles = TLSClientFiles()) { self.files = files }

    /// What is wrong with the files, for the one who set them; `nil` if nothing is.
    ///
    /// - Parameter isUsed: whether there are servers to reach over TLS.
    package func problem(isUsed: Bool) -> String? {
        if (files.certificate == nil) != (files.key == nil) { return "a certificate and its key belong together" }
        guard isUsed else { return files.paths.isEmpty ? nil : "set, but no URL begins with rediss://" }
        do throws(TLSError) {
            _ = try context()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A session that has not sent anything yet; its `handshake` begins.
    ///
    /// - Parameter host: the name or IP address that the server's certificate must name.
    package func session(for host: String) throws(TLSError) -> TLSSession {
        let session = try TLSSession(context())
        OpenSSLErrors.clear()
        guard Self.expect(host, session.pointer) else { throw .failed(reason: OpenSSLErrors.takeReason()) }
        SSL_set_connect_state(session.pointer)
        return session
    }

    /// Requires the certificate to name the host among its subject alternative names. A name is sent to the server, too
    /// (SNI), which RFC 6066 does not allow for an address.
    private static func expect(_ host: String, _ session: OpaquePointer) -> Bool {
        let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        SSL_set_hostflags(session, flags)
        guard let address = address(host) else {
            return SSL_set1_host(session, host) == 1 && cssl_send_server_name(session, host) == 1
        }
        return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(session), address, address.count) == 1
    }

    /// The bytes of an IP address; `nil` for a name.
    private static func address(_ host: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, host, &bytes) == 1 { return bytes }
        }
        return nil
    }

    private func context() throws(TLSError) -> TLSContext {
        let stamps = files.paths.map(FileStamp.init)
        return try loaded.withLock { (loaded: inout Loaded?) throws(TLSError) in
            if let loaded, loaded.stamps == stamps { return loaded.context }
            let context = try load()
            loaded = Loaded(context: context, stamps: stamps)
            return context
        }
    }

    private func load() throws(TLSError) -> TLSContext {
        let context = try TLSContext(method: TLS_client_method())
        try context.verifyPeers(by: files.authorities)
        if let certificate = files.certificate, let key = files.key { try context.present(certificate, key: key) }
        return context
    }
}
