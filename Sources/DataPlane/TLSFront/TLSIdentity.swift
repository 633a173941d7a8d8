internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOSSL
internal import Synchronization
internal import TLS

/// The certificate and key of a listener, reloaded when their files change.
///
/// A new pair is used only if it is valid: the key fits the certificate and the certificate has not expired. Otherwise
/// the old pair stays in use, and the change is reported once.
package final class TLSIdentity: Sendable {
    package enum Change: Sendable {
        case loaded(expiresAt: Int)
        case refused(String)
    }

    package enum LoadError: Error, CustomStringConvertible {
        case expired
        case noCertificate

        package var description: String {
            switch self {
            case .expired: "the certificate has expired"
            case .noCertificate: "the file holds no certificate"
            }
        }
    }

    private struct State {
        var context: NIOSSLContext
        var stamp: [FileStamp]
    }

    private let certificateFile: String
    private let keyFile: String
    private let state: Mutex<State>
    /// Expiry of the certificate loaded at start, in seconds since 1970 UTC.
    package let firstExpiry: Int

    /// - Throws: if the pair cannot be used: a listener does not start without one.
    package init(certificateFile: String, keyFile: String) throws {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        let stamp = Self.stamp([certificateFile, keyFile])
        let (context, expiry) = try Self.load(certificateFile, keyFile)
        firstExpiry = expiry
        state = Mutex(State(context: context, stamp: stamp))
    }

    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reloads the files if they changed; `nil` if they did not.
    package func refresh() -> Change? {
        let stamp = Self.stamp([certificateFile, keyFile])
        guard stamp != state.withLock({ $0.stamp }) else { return nil }
        do {
            let (context, expiry) = try Self.load(certificateFile, keyFile)
            state.withLock { $0 = State(context: context, stamp: stamp) }
            return .loaded(expiresAt: expiry)
        } catch {
            state.withLock { $0.stamp = stamp }
            return .refused("\(error)")
        }
    }

    private static func load(_ certificateFile: String, _ keyFile: String) throws -> (NIOSSLContext, Int) {
        let chain = try NIOSSLCertificate.fromPEMFile(certificateFile)
        guard let own = chain.first else { throw LoadError.noCertificate }
        let expiry = Int(own.notValidAfter)
        guard expiry > Int(Date().timeIntervalSince1970) else { throw LoadError.expired }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // Applies once everything is sent: a client that does not send close_notify is not waited for.
        configuration.shutdownTimeout = .seconds(1)
        return (try NIOSSLContext(configuration: configuration), expiry)
    }

    private static func stamp(_ files: [String]) -> [FileStamp] { files.map(FileStamp.init) }
}
