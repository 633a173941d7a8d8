package import Reactor
package import RequestWalk
internal import Synchronization

/// How many connections the public ports of a worker have, in all and per caller's address: what stops one caller from taking all of
/// them. A connection is counted when it is accepted, before a byte of it is read or a TLS handshake begins, and until its descriptor
/// is closed.
///
/// A trusted proxy stands for many callers: its own address is not counted, the ones it names are.
package final class ConnectionCounter: Sendable {
    /// What counting a new connection came to.
    package enum Entry {
        case counted(ConnectionPlace)
        /// The worker has all the connections it may have.
        case workerIsFull
        /// The address has all the connections it may have.
        case addressIsFull
    }

    /// Which bound a refused connection met.
    package enum Bound: String, Sendable { case worker, address }

    private struct State {
        var total = 0
        var byAddress: [PeerAddress: Int] = [:]
    }

    private let state = Mutex(State())
    private let connectionsMax: Int
    private let perAddressMax: Int
    private let trusted: [AddressRange]
    private let onRefusal: @Sendable (Bound) -> Void

    /// - Parameter onRefusal: called for every connection that finds no room, on the thread that accepted it.
    package init(
        _ bounds: Bounds, trustedProxies: [AddressRange], onRefusal: @escaping @Sendable (Bound) -> Void = { _ in }
    ) {
        connectionsMax = bounds.connectionsMax
        perAddressMax = bounds.connectionsPerAddressMax
        trusted = trustedProxies
        self.onRefusal = onRefusal
    }

    package func isTrusted(_ address: PeerAddress) -> Bool { trusted.contains { $0.contains(address) } }

    /// Connections that are counted now.
    package var total: Int { state.withLock { $0.total } }

    /// Counts a connection that was just accepted.
    ///
    /// - Parameter address: the caller's; `nil` while a trusted proxy has not named it.
    package func enter(from address: PeerAddress?) -> Entry {
        let counted = address.flatMap { isTrusted($0) ? nil : $0 }
        let refused: Bound? = state.withLock { state in
            guard state.total < connectionsMax else { return .worker }
            guard count(counted, in: &state) else { return .address }
            state.total += 1
            return nil
        }
        switch refused {
        case nil: return .counted(ConnectionPlace(in: self, of: counted))
        case .worker:
            onRefusal(.worker)
            return .workerIsFull
        case .address:
            onRefusal(.address)
            return .addressIsFull
        }
    }

    /// Counts a connection, which has its place already, for the address a trusted proxy named.
    fileprivate func enter(named address: PeerAddress) -> Bool {
        guard !isTrusted(address) else { return true }
        if state.withLock({ count(address, in: &$0) }) { return true }
        onRefusal(.address)
        return false
    }

    private func count(_ address: PeerAddress?, in state: inout State) -> Bool {
        guard let address else { return true }
        guard state.byAddress[address, default: 0] < perAddressMax else { return false }
        state.byAddress[address, default: 0] += 1
        return true
    }

    fileprivate func leave(_ address: PeerAddress?) {
        state.withLock { state in
            state.total -= 1
            guard let address, let count = state.byAddress[address] else { return }
            state.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}

/// One connection's place among those that are counted: given back once, when the descriptor is closed.
package final class ConnectionPlace: Sendable {
    private struct State {
        var address: PeerAddress?
        var isGivenBack = false
    }

    private let counter: ConnectionCounter
    private let state: Mutex<State>

    fileprivate init(in counter: ConnectionCounter, of address: PeerAddress?) {
        self.counter = counter
        state = Mutex(State(address: address))
    }

    /// Counts the connection for the address that a trusted proxy named; false when that address has no room.
    package func name(_ address: PeerAddress) -> Bool {
        guard counter.enter(named: address) else { return false }
        if !counter.isTrusted(address) { state.withLock { $0.address = address } }
        return true
    }

    /// Whether requests from this address may say for whom they are.
    func isTrusted(_ address: PeerAddress) -> Bool { counter.isTrusted(address) }

    /// Gives the place back. Only the first call counts.
    package func leave() {
        let address: PeerAddress?? = state.withLock { state in
            guard !state.isGivenBack else { return nil }
            state.isGivenBack = true
            return .some(state.address)
        }
        if let address { counter.leave(address) }
    }
}
