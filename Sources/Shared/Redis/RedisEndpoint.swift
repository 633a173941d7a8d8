package import GatewayModel
package import TLS

/// Address and credentials of a Redis server: `redis://[user[:password]@]host[:port]`, or `rediss://…` for one that is
/// reached over TLS.
package struct RedisEndpoint: Sendable {
    package var host: String
    package var port: Int
    package var user: String?
    package var password: Secret?
    /// For a password that may change while the process runs: called for each new connection.
    package var livePassword: (@Sendable () -> Secret?)?

    /// Makes the TLS of a connection; `nil` for plain text. Nothing is sent to a server before it is verified.
    package var tls: TLSClient?

    /// Without credentials.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `nil` when the text does not have that form.
    ///
    /// - Parameter client: used if the scheme is `rediss`.
    package init?(url: String, tls client: TLSClient = TLSClient()) {
        guard let scheme = ["redis://", "rediss://"].first(where: url.hasPrefix) else { return nil }
        if scheme == "rediss://" { tls = client }
        var rest = url.dropFirst(scheme.count)
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        if let at = rest.lastIndex(of: "@") {
            let identity = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if !identity[0].isEmpty { user = String(identity[0]) }
            if identity.count == 2 { password = Secret(String(identity[1])) }
            rest = rest[rest.index(after: at)...]
        }
        let address = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = address.first, !name.isEmpty else { return nil }
        host = String(name)
        guard address.count == 2 else {
            port = 6379
            return
        }
        guard let number = Int(address[1]), (1...65535).contains(number) else { return nil }
        port = number
    }

    package static let urlForm = "redis[s]://[user:password@]host[:port]"

    /// The commands that a new connection starts with: `AUTH`, if there is a password.
    package var handshake: [RedisCommand] {
        guard let password = livePassword?() ?? password else { return [] }
        return [RedisCommand(["AUTH"] + (user.map { [$0] } ?? []) + [password.reveal()])]
    }
}
