internal import CSSL
internal import Glibc

/// Why a TLS connection cannot be made or has broken. The text contains no secret: only paths, host names and reasons.
package enum TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A file with certificates or a key cannot be used.
    case unusableFile(path: String, reason: String)
    /// The peer's certificate is not accepted.
    case untrusted(reason: String)
    /// The peer does not answer in TLS.
    case notTLS
    /// The protocol failed, or the peer ended the connection with an alert.
    case failed(reason: String)
    /// The connection ended during the handshake.
    case endedInHandshake
    /// The handshake was not complete in time. The plain port of a Redis waits for the end of what it takes for a line.
    case handshakeTimeout
    /// More ciphertext than `TLSSession.ciphertextBytesMax` would wait to be decrypted or sent.
    case bufferFull

    package var description: String {
        switch self {
        case .unusableFile(let path, let reason): "\(path) cannot be used for TLS: \(reason)"
        case .untrusted(let reason): "TLS: the server's certificate is not accepted: \(reason)"
        case .notTLS: "TLS: the server does not answer in TLS"
        case .failed(let reason): "TLS: \(reason)"
        case .endedInHandshake: "TLS: the server closed the connection during the handshake"
        case .handshakeTimeout: "TLS: the server did not complete the handshake in time; its port may not serve TLS"
        case .bufferFull: "TLS: a buffer is full"
        }
    }
}

/// The error queue of OpenSSL, which every thread has one of.
enum OpenSSLErrors {
    static func clear() { ERR_clear_error() }

    /// Empties the queue and returns the reason of its first entry, which is the cause of the others.
    static func takeReason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        if cssl_system_error(code) != 0 { return String(cString: strerror(cssl_system_error(code))) }
        guard let reason = ERR_reason_error_string(code) else { return "error \(code)" }
        return String(cString: reason)
    }
}
