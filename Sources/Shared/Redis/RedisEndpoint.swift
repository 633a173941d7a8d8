package import GatewayModel

/// Address and credentials of a Redis server: `redis://[user[:password]@]host[:port]`.
package struct RedisEndpoint: Sendable {
    package var host: String
    package var port: Int
    package var user: String?
    package var password: Secret?
    /// For a password that may change while the process runs: called for each new connection.
    package var livePassword: (@Sendable () -> Secret?)?

    /// Without credentials.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `nil` when the text does not have that form.
    package init?(url: String) {
        guard url.hasPrefix("redis://") else { return nil }
        var rest = url.dropFirst("redis://".count)
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

    /// The commands that a new connection starts with: `AUTH`, if there is a password.
    package var handshake: [RedisCommand] {
        guard let password = livePassword?() ?? password else { return [] }
        return [RedisCommand(["AUTH"] + (user.map { [$0] } ?? []) + [password.reveal()])]
    }
}
