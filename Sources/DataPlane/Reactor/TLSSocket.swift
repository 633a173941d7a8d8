package import TLS

/// The TLS of a non-blocking socket, with the calls of `Socket`. The descriptor belongs to the owner.
///
/// Used by one thread at a time: the one that connects, then the reactor's.
package final class TLSSocket: @unchecked Sendable {
    private static let handshakeReadBytes = 16 << 10

    private let descriptor: Int32
    private let session: TLSSession
    /// Ciphertext that the socket has not taken yet, from `sent` on.
    private var ciphertext: [UInt8] = []
    private var sent = 0
    /// How many bytes at the beginning of the caller's plaintext `ciphertext` stands for.
    private var encrypted = 0
    /// Why the connection broke, if it was for TLS.
    package private(set) var failure: TLSError?

    package init(_ descriptor: Int32, _ session: TLSSession) {
        self.descriptor = descriptor
        self.session = session
    }

    /// Blocks until the handshake is complete.
    ///
    /// - Parameter untilMs: on the reactor's clock.
    package func handshake(untilMs: Int64) throws(TLSError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.handshakeReadBytes, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let isComplete: Bool
            do throws(TLSError) {
                isComplete = try session.handshake()
            } catch {
                // An alert tells the server why.
                _ = sendCiphertext()
                throw error
            }
            while case .wouldBlock = sendCiphertext() { try wait(writable: true, untilMs) }
            guard !isComplete else { return }
            switch Socket.receive(descriptor, into: buffer) {
            case .wouldBlock: try wait(writable: false, untilMs)
            case .ended: throw .endedInHandshake
            case .bytes(let count): try session.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }

    private func wait(writable: Bool, _ untilMs: Int64) throws(TLSError) {
        let leftMs = untilMs - Reactor.clockMs()
        guard leftMs > 0, Socket.wait(descriptor, writable: writable, timeoutMs: Int(leftMs)) else {
            throw .handshakeTimeout
        }
    }

    /// Sends as much of `plaintext` as the socket takes.
    ///
    /// Like `Socket.send`, it counts what has left. The caller passes the rest again, unchanged at its beginning: part
    /// of it may be encrypted already.
    package func send(_ plaintext: UnsafeRawBufferPointer) -> Socket.Outcome {
        var left = 0
        while true {
            switch sendCiphertext() {
            case .ended: return .ended
            case .wouldBlock: return left > 0 ? .bytes(left) : .wouldBlock
            case .bytes:
                left += encrypted
                encrypted = 0
            }
            guard left < plaintext.count else { return .bytes(left) }
            do throws(TLSError) {
                encrypted = try session.write(UnsafeRawBufferPointer(rebasing: plaintext[left...]))
                guard encrypted > 0 else { throw .bufferFull }
            } catch {
                failure = error
                return .ended
            }
        }
    }

    /// - Returns: `.bytes` when none is left.
    private func sendCiphertext() -> Socket.Outcome {
        while true {
            if sent == ciphertext.count {
                (ciphertext, sent) = (session.takeCiphertext(), 0)
                guard !ciphertext.isEmpty else { return .bytes(0) }
            }
            switch ciphertext.withUnsafeBytes({
                Socket.send(descriptor, UnsafeRawBufferPointer(rebasing: $0[sent...]))
            }) {
            case .bytes(let count): sent += count
            case .wouldBlock: return .wouldBlock
            case .ended: return .ended
            }
        }
    }

    /// Accepts what was received from the socket; `read` decrypts it.
    package func receive(_ bytes: UnsafeRawBufferPointer) {
        do throws(TLSError) { try session.receive(bytes) } catch { failure = error }
    }

    /// Decrypts into `buffer`, until it answers `wouldBlock` or `ended`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Outcome {
        guard failure == nil else { return .ended }
        do throws(TLSError) {
            switch try session.read(into: buffer) {
            case .bytes(let count): return .bytes(count)
            case .nothing: return .wouldBlock
            case .ended: return .ended
            }
        } catch {
            failure = error
            return .ended
        }
    }

    /// Tells the server that the connection ends, if the socket takes that at once.
    package func end() {
        guard failure == nil, sent == ciphertext.count else { return }
        session.end()
        _ = sendCiphertext()
    }
}
