import Foundation
import TLSFront
import TestPeers
import Testing

@Suite struct TLSIdentityTests {
    private let authority: TestAuthority

    init() throws { authority = try TestAuthority() }

    private func copy(_ from: TestAuthority.Pair, to: TestAuthority.Pair) throws {
        for (source, target) in [(from.certificate, to.certificate), (from.key, to.key)] {
            try Data(contentsOf: URL(fileURLWithPath: source)).write(to: URL(fileURLWithPath: target), options: .atomic)
        }
    }

    @Test("a pair whose files did not change stays; a new one is loaded once, and tells when it expires")
    func renewed() throws {
        let pair = try authority.issue("served")
        let identity = try TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)
        #expect(identity.firstExpiry > Int(Date().timeIntervalSince1970) && identity.refresh() == nil)
        try copy(authority.issue("longer", days: 9), to: pair)
        guard case .loaded(let expiry) = identity.refresh() else {
            Issue.record("not loaded")
            return
        }
        #expect(expiry > identity.firstExpiry && identity.refresh() == nil)
    }

    @Test("a key that does not fit and a file without a certificate are refused once each")
    func refused() throws {
        let pair = try authority.issue("served")
        let identity = try TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)
        let other = try authority.issue("other")
        try copy(.init(certificate: pair.certificate, key: other.key), to: pair)
        guard case .refused = identity.refresh() else {
            Issue.record("the key of another certificate was accepted")
            return
        }
        #expect(identity.refresh() == nil)
        try "nothing".write(toFile: pair.certificate, atomically: true, encoding: .utf8)
        guard case .refused = identity.refresh() else {
            Issue.record("a file without a certificate was accepted")
            return
        }
    }

    @Test("a listener does not start with a pair that cannot be used")
    func unusable() throws {
        let pair = try authority.issue("served")
        let other = try authority.issue("other")
        #expect(throws: (any Error).self) { try TLSIdentity(certificateFile: pair.certificate, keyFile: other.key) }
        let expired = try authority.issue("expired", days: -1)
        #expect(throws: TLSIdentity.LoadError.self) {
            try TLSIdentity(certificateFile: expired.certificate, keyFile: expired.key)
        }
        #expect(throws: (any Error).self) { try TLSIdentity(certificateFile: "/none", keyFile: pair.key) }
    }
}
