package import Reactor
package import RequestWalk
internal import Synchronization

/// How many connections a worker has, in all and per caller's address: what stops one caller from taking all of them.
///
/// A trusted proxy stands for many callers: its own address is not counted, the ones it names are.
package final class ConnectionCounter: Sendable {
    private struct State {
        var total = 0
        var byAddress: [PeerAddress: Int] = [:]
    }

    private let state = Mutex(State())
    private let connectionsMax: Int
    private let perAddressMax: Int
    private let trusted: [AddressRange]

    package init(_ bounds: Bounds, trustedProxies: [AddressRange]) {
        connectionsMax = bounds.connectionsMax
        perAddressMax = bounds.connectionsPerAddressMax
        trusted = trustedProxies
    }

    func isTrusted(_ address: PeerAddress) -> Bool { trusted.contains { $0.contains(address) } }

    /// Takes a place; false when there is none. Every place taken is to be given back by `leave`.
    func enter() -> Bool {
        state.withLock { state in
            guard state.total < connectionsMax else { return false }
            state.total += 1
            return true
        }
    }

    func leave() { state.withLock { $0.total -= 1 } }

    /// Takes one of an address's places; false when there is none.
    func enter(_ address: PeerAddress) -> Bool {
        guard !isTrusted(address) else { return true }
        return state.withLock { state in
            guard state.byAddress[address, default: 0] < perAddressMax else { return false }
            state.byAddress[address, default: 0] += 1
            return true
        }
    }

    func leave(_ address: PeerAddress) {
        guard !isTrusted(address) else { return }
        state.withLock { state in
            guard let count = state.byAddress[address] else { return }
            state.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}
