package import Reactor
package import RequestWalk
internal import Synchronization

/// Counts the connections of a worker's public ports, in total and per address, so that no client can take all of them.
///
/// A connection counts from the moment it is accepted, before any byte is read or a TLS handshake begins, until its
/// descriptor is closed.
///
/// A trusted proxy stands for many clients: its own address is not counted, but those it names are.
package final class ConnectionCounter: Sendable {
    /// The result of counting a new connection.
    package enum Entry {
        case counted(ConnectionSlot)
        /// The worker has reached its connection limit.
        case workerIsFull
        /// The address has reached its connection limit.
        case addressIsFull
    }

    /// The limit that refused a connection.
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

    /// - Parameter onRefusal: called for every refused connection, on the thread that accepted it.
    package init(
        _ bounds: Bounds, trustedProxies: [AddressRange], onRefusal: @escaping @Sendable (Bound) -> Void = { _ in }
    ) {
        connectionsMax = bounds.connectionsMax
        perAddressMax = bounds.connectionsPerAddressMax
        trusted = trustedProxies
        self.onRefusal = onRefusal
    }

    /// Whether the address belongs to a trusted proxy.
    package func isTrusted(_ address: PeerAddress) -> Bool { trusted.contains { $0.contains(address) } }

    /// The connections counted at this moment.
    package var total: Int { state.withLock { $0.total } }

    /// Counts a connection that was just accepted.
    ///
    /// - Parameter address: the client's; `nil` until a trusted proxy has named it.
    package func enter(from address: PeerAddress?) -> Entry {
        let counted = address.flatMap { isTrusted($0) ? nil : $0 }
        let refused: Bound? = state.withLock { state in
            guard state.total < connectionsMax else { return .worker }
            guard count(counted, in: &state) else { return .address }
            state.total += 1
            return nil
        }
        switch refused {
        case nil: return .counted(ConnectionSlot(in: self, of: counted))
        case .worker:
            onRefusal(.worker)
            return .workerIsFull
        case .address:
            onRefusal(.address)
            return .addressIsFull
        }
    }

    /// Counts a connection that already has its slot for the address that a trusted proxy named.
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

    fileprivate func release(_ address: PeerAddress?) {
        state.withLock { state in
            state.total -= 1
            guard let address, let count = state.byAddress[address] else { return }
            state.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}

/// One connection's slot in the counter, released once, when the descriptor is closed.
package final class ConnectionSlot: Sendable {
    private struct State {
        var address: PeerAddress?
        var isReleased = false
    }

    private let counter: ConnectionCounter
    private let state: Mutex<State>

    fileprivate init(in counter: ConnectionCounter, of address: PeerAddress?) {
        self.counter = counter
        state = Mutex(State(address: address))
    }

    /// Counts the connection for the address that a trusted proxy named; false if that address is at its limit.
    package func count(for address: PeerAddress) -> Bool {
        guard counter.enter(named: address) else { return false }
        if !counter.isTrusted(address) { state.withLock { $0.address = address } }
        return true
    }

    /// Whether this address may name the client its requests come from.
    func isTrusted(_ address: PeerAddress) -> Bool { counter.isTrusted(address) }

    /// Releases the slot. Later calls have no effect.
    package func release() {
        let address: PeerAddress?? = state.withLock { state in
            guard !state.isReleased else { return nil }
            state.isReleased = true
            return .some(state.address)
        }
        if let address { counter.release(address) }
    }
}
