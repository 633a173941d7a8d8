internal import CSSL

/// The TLS of one connection, without I/O: the owner passes in the bytes it received, and sends the bytes it takes out.
///
/// OpenSSL reads from and writes to buffers in memory. Client and server use it alike once it is made. Not thread-safe.
package final class TLSSession {
    package enum Read {
        case bytes(Int)
        /// The rest of a record has not been received.
        case nothing
        /// The peer has announced that it sends no more (`close_notify`).
        case ended
    }

    /// The most ciphertext that may wait in either direction. The largest record has 16 KiB, and a whole handshake with
    /// its certificates is shorter than that bound.
    package static let ciphertextBytesMax = 256 << 10
    /// The most plaintext that one `write` encrypts.
    package static let plaintextBytesMax = 64 << 10

    let pointer: OpaquePointer
    private let received: OpaquePointer
    private let toSend: OpaquePointer
    /// The handshake is complete and the peer is verified. Nothing is encrypted before.
    package private(set) var isEstablished = false

    init(_ context: TLSContext) throws(TLSError) {
        OpenSSLErrors.clear()
        guard let made = SSL_new(context.pointer), let received = BIO_new(BIO_s_mem()),
            let toSend = BIO_new(BIO_s_mem())
        else { throw .failed(reason: OpenSSLErrors.takeReason()) }
        // The session owns both buffers from here on.
        SSL_set_bio(made, received, toSend)
        pointer = made
        self.received = received
        self.toSend = toSend
    }

    deinit { SSL_free(pointer) }

    /// Accepts bytes from the peer. The owner then calls `handshake` or reads until there is nothing.
    package func receive(_ ciphertext: UnsafeRawBufferPointer) throws(TLSError) {
        guard let base = ciphertext.baseAddress, ciphertext.count > 0 else { return }
        guard BIO_ctrl_pending(received) + ciphertext.count <= Self.ciphertextBytesMax else { throw .bufferFull }
        guard BIO_write(received, base, Int32(ciphertext.count)) == ciphertext.count else {
            throw .failed(reason: OpenSSLErrors.takeReason())
        }
    }

    /// Continues the handshake with what has been received.
    ///
    /// There may be bytes to send afterwards, even when it fails: they tell the peer why.
    ///
    /// - Returns: whether it is complete.
    package func handshake() throws(TLSError) -> Bool {
        guard !isEstablished else { return true }
        OpenSSLErrors.clear()
        let result = SSL_do_handshake(pointer)
        guard result != 1 else {
            isEstablished = true
            return true
        }
        switch SSL_get_error(pointer, result) {
        case SSL_ERROR_WANT_READ: return false
        case SSL_ERROR_ZERO_RETURN: throw .endedInHandshake
        default: throw handshakeError()
        }
    }

    private func handshakeError() -> TLSError {
        let verdict = SSL_get_verify_result(pointer)
        let reason = OpenSSLErrors.takeReason()
        guard verdict == Int(X509_V_OK) else {
            return .untrusted(reason: String(cString: X509_verify_cert_error_string(verdict)))
        }
        // What OpenSSL calls a record whose first bytes are not those of one.
        return reason == "wrong version number" ? .notTLS : .failed(reason: reason)
    }

    /// Decrypts into `buffer`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> Read {
        OpenSSLErrors.clear()
        let count = SSL_read(pointer, buffer.baseAddress, Int32(clamping: buffer.count))
        // A peer may ask for new keys, which is answered, as often as it likes.
        guard BIO_ctrl_pending(toSend) <= Self.ciphertextBytesMax else { throw .bufferFull }
        guard count <= 0 else { return .bytes(Int(count)) }
        switch SSL_get_error(pointer, count) {
        case SSL_ERROR_WANT_READ: return .nothing
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: throw .failed(reason: OpenSSLErrors.takeReason())
        }
    }

    /// Encrypts the beginning of `plaintext`.
    ///
    /// - Returns: how many bytes; 0 before the handshake is complete, and while too much waits to be sent.
    package func write(_ plaintext: UnsafeRawBufferPointer) throws(TLSError) -> Int {
        guard isEstablished, plaintext.count > 0, BIO_ctrl_pending(toSend) < Self.ciphertextBytesMax / 2 else {
            return 0
        }
        OpenSSLErrors.clear()
        let count = SSL_write(pointer, plaintext.baseAddress, Int32(min(plaintext.count, Self.plaintextBytesMax)))
        guard count > 0 else { throw .failed(reason: OpenSSLErrors.takeReason()) }
        return Int(count)
    }

    /// Announces the end to the peer; nothing may be written afterwards.
    package func end() {
        guard isEstablished else { return }
        SSL_shutdown(pointer)
        OpenSSLErrors.clear()
    }

    /// The bytes to send to the peer, which the owner now has to send.
    package func takeCiphertext() -> [UInt8] {
        let pending = BIO_ctrl_pending(toSend)
        guard pending > 0 else { return [] }
        return Array(unsafeUninitializedCapacity: pending) { buffer, count in
            count = max(0, Int(BIO_read(toSend, buffer.baseAddress, Int32(pending))))
        }
    }
}
