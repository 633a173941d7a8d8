internal import CSSL

/// The settings that sessions are made from: versions, trusted authorities, certificate and key.
///
/// It does not change once it is complete, and OpenSSL allows threads to share such a context.
final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// - Parameter method: `TLS_client_method()`, or the server's counterpart.
    init(method: OpaquePointer?) throws(TLSError) {
        OpenSSLErrors.clear()
        guard cssl_initialize() == 1, let made = SSL_CTX_new(method) else {
            throw .failed(reason: OpenSSLErrors.takeReason())
        }
        pointer = made
        guard cssl_set_minimum_version(made, TLS1_2_VERSION) == 1 else {
            throw .failed(reason: OpenSSLErrors.takeReason())
        }
        cssl_switch_off_extras(made)
        cssl_keep_no_sessions(made)
        // Without a callback OpenSSL would ask at the terminal for the password of an encrypted key.
        SSL_CTX_set_default_passwd_cb(made) { _, _, _, _ in 0 }
    }

    deinit { SSL_CTX_free(pointer) }

    /// Presents a certificate chain and proves it with its key, both PEM files.
    func present(_ certificate: String, key: String) throws(TLSError) {
        OpenSSLErrors.clear()
        guard SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
            throw .unusableFile(path: certificate, reason: OpenSSLErrors.takeReason())
        }
        guard SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1,
            SSL_CTX_check_private_key(pointer) == 1
        else { throw .unusableFile(path: key, reason: OpenSSLErrors.takeReason()) }
    }

    /// Requires the peer to have a certificate that one of these authorities vouches for.
    ///
    /// - Parameter authorities: a PEM file; `nil` for the authorities that the system trusts.
    func verifyPeers(by authorities: String?) throws(TLSError) {
        OpenSSLErrors.clear()
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        guard let authorities else {
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw .failed(reason: OpenSSLErrors.takeReason())
            }
            return
        }
        guard SSL_CTX_load_verify_locations(pointer, authorities, nil) == 1 else {
            throw .unusableFile(path: authorities, reason: OpenSSLErrors.takeReason())
        }
    }
}
