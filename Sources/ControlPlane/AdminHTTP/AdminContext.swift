internal import AdminCore
internal import Hummingbird
internal import NIOCore

/// The context of an admin request: the network it came from, and who sent it.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let network: CallerNetwork
    /// Set by `RequireAccess`.
    var identity: Access?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        network = CallerNetwork(source.channel.remoteAddress)
    }

    /// - Throws: `AdminError.unauthorized` on a route that is not behind `RequireAccess`.
    var access: Access {
        get throws(AdminError) {
            guard let identity else { throw .unauthorized }
            return identity
        }
    }
}

/// The address range that one party controls: an IPv4 address, or the /64 prefix of an IPv6 one.
struct CallerNetwork: Hashable, Sendable {
    private let bytes: [UInt8]

    init(_ address: SocketAddress?) {
        switch address {
        case .v4(let four): bytes = withUnsafeBytes(of: four.address) { Array($0[4..<8]) }
        case .v6(let six):
            let all = withUnsafeBytes(of: six.address) { Array($0[8..<24]) }
            // An IPv4-mapped IPv6 address is reduced to its four IPv4 bytes.
            let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
            bytes = Array(isMapped ? all[12...] : all[..<8])
        default: bytes = []
        }
    }
}
