package import Reactor
package import RequestWalk
internal import Synchronization

/// The bytes of request bodies that a worker holds, in sum: of bodies that arrive, of those that wait to be admitted, and of running
/// requests until they end. One body is bounded by `Bounds.bodyBytesMax`; here many are, for each key, for each address and for the
/// worker. Used from every event loop.
///
/// When the worker holds too much, the largest body that is still arriving is refused, by what its head promised or by what has
/// arrived, and of equals the newest: small requests go on beside somebody's large ones.
package final class BodyBudget: Sendable {
    /// Why a body is refused.
    package enum Refusal: String, Sendable { case key, address, worker, memory }

    /// Bodies up to this are counted whole from their head on and never refused for others.
    static let smallBytesMax = 64 << 10

    private struct State {
        var total = 0
        var byKey: [String: Int] = [:]
        var byAddress: [PeerAddress: Int] = [:]
        /// Those that are arriving and may be refused for others.
        var arriving: [ObjectIdentifier: HeldBody] = [:]
        var opened: UInt64 = 0
    }

    private let state = Mutex(State())
    private let bounds: Bounds
    private let trusted: [AddressRange]

    /// - Parameter trustedProxies: each stands for many callers, so its own address is not counted.
    package init(_ bounds: Bounds, trustedProxies: [AddressRange]) {
        self.bounds = bounds
        trusted = trustedProxies
    }

    /// Bytes held now.
    package var total: Int { state.withLock { $0.total } }

    /// Begins to count a body whose head has arrived.
    ///
    /// - Parameters:
    ///   - key: the digest of the caller's key.
    ///   - length: the body's, when its head says so: what the key has no room for is refused before it is sent.
    ///   - onRefusal: called on any thread when the body is refused for others; `grow` says so, too.
    package func open(
        key: String, address: PeerAddress?, length: Int?, onRefusal: @escaping @Sendable (Refusal) -> Void
    ) throws(BodyRefused) -> HeldBody {
        let counted = address.flatMap { address in trusted.contains { $0.contains(address) } ? nil : address }
        let isSmall = length.map { $0 <= Self.smallBytesMax } ?? false
        let body = HeldBody(key: key, address: counted, length: length ?? 0, isSmall: isSmall, onRefusal)
        var refusedForIt: [HeldBody] = []
        let refusal: Refusal? = state.withLock { state in
            state.opened += 1
            body.number = state.opened
            if state.byKey[key, default: 0] + body.length > bounds.bodiesBytesPerKeyMax { return .key }
            if let counted, state.byAddress[counted, default: 0] + body.length > bounds.bodiesBytesPerAddressMax {
                return .address
            }
            if isSmall { makeRoom(for: body.length, beside: body, in: &state, &refusedForIt) }
            if state.total + body.length - refusable(for: body, in: state) > bounds.bodiesBytesMax { return .worker }
            body.isOpen = true
            state.byKey[key, default: 0] += body.length
            if isSmall { add(body.length, of: body, to: &state) } else { state.arriving[ObjectIdentifier(body)] = body }
            return nil
        }
        for other in refusedForIt { other.onRefusal(.worker) }
        if let refusal { throw BodyRefused(reason: refusal) }
        return body
    }

    /// Counts bytes that have arrived. What it throws says that the body is refused and counts no longer.
    package func grow(_ body: HeldBody, by bytes: Int) throws(BodyRefused) {
        guard !body.isSmall else { return }
        var refusedForIt: [HeldBody] = []
        let refusal: Refusal? = state.withLock { state in
            guard body.isOpen else { return body.refusal ?? .worker }
            let beyond = max(0, body.arrived + bytes - body.length)
            var refusal: Refusal?
            if state.byKey[body.key, default: 0] + beyond > bounds.bodiesBytesPerKeyMax { refusal = .key }
            if let address = body.address,
                state.byAddress[address, default: 0] + bytes > bounds.bodiesBytesPerAddressMax
            {
                refusal = .address
            }
            if refusal == nil {
                makeRoom(for: bytes, beside: body, in: &state, &refusedForIt)
                if state.total + bytes > bounds.bodiesBytesMax { refusal = .worker }
            }
            if let refusal {
                drop(body, from: &state)
                return refusal
            }
            body.length += beyond
            state.byKey[body.key, default: 0] += beyond
            add(bytes, of: body, to: &state)
            return nil
        }
        for other in refusedForIt { other.onRefusal(.worker) }
        if let refusal { throw BodyRefused(reason: refusal) }
    }

    /// The body is whole: it is held, and no longer refused for others.
    package func complete(_ body: HeldBody) {
        guard !body.isSmall else { return }
        state.withLock { $0.arriving[ObjectIdentifier(body)] = nil }
    }

    /// The body is held no longer. Only the first call counts.
    package func close(_ body: HeldBody) { state.withLock { drop(body, from: &$0) } }

    /// The process is short of memory: refuses bodies that are arriving, the largest first, until so many bytes are given up.
    ///
    /// - Returns: the bytes given up.
    @discardableResult
    package func relieve(bytes: Int) -> Int {
        var refused: [HeldBody] = []
        let freed: Int = state.withLock { state in
            var freed = 0
            let candidates = state.arriving.values.filter { $0.arrived > Self.smallBytesMax }
            for body in candidates.sorted(by: { $0.isLarger(than: $1) }) where freed < bytes {
                freed += body.arrived
                refuse(body, .memory, in: &state)
                refused.append(body)
            }
            return freed
        }
        for body in refused { body.onRefusal(.memory) }
        return freed
    }

    // MARK: Under the lock

    /// Refuses bodies that are larger than the one that needs room, the largest first, until there is room.
    private func makeRoom(
        for bytes: Int, beside body: HeldBody, in state: inout State, _ refused: inout [HeldBody]
    ) {
        while state.total + bytes > bounds.bodiesBytesMax, let largest = largestArriving(in: state),
            largest.isLarger(than: body)
        {
            refuse(largest, .worker, in: &state)
            refused.append(largest)
        }
    }

    /// What larger bodies could give up for this one.
    private func refusable(for body: HeldBody, in state: State) -> Int {
        guard state.total + body.length > bounds.bodiesBytesMax else { return 0 }
        return state.arriving.values.reduce(0) { $0 + ($1.isLarger(than: body) ? $1.arrived : 0) }
    }

    private func largestArriving(in state: State) -> HeldBody? {
        state.arriving.values.filter { $0.arrived > Self.smallBytesMax }.max { $1.isLarger(than: $0) }
    }

    private func refuse(_ body: HeldBody, _ refusal: Refusal, in state: inout State) {
        body.refusal = refusal
        drop(body, from: &state)
    }

    private func add(_ bytes: Int, of body: HeldBody, to state: inout State) {
        body.arrived += bytes
        state.total += bytes
        if let address = body.address { state.byAddress[address, default: 0] += bytes }
    }

    private func drop(_ body: HeldBody, from state: inout State) {
        guard body.isOpen else { return }
        body.isOpen = false
        state.arriving[ObjectIdentifier(body)] = nil
        state.total -= body.arrived
        Self.subtract(body.length, from: &state.byKey, of: body.key)
        if let address = body.address { Self.subtract(body.arrived, from: &state.byAddress, of: address) }
    }

    private static func subtract<Name: Hashable>(_ bytes: Int, from sums: inout [Name: Int], of name: Name) {
        guard let sum = sums[name] else { return }
        sums[name] = sum > bytes ? sum - bytes : nil
    }
}

/// A body was refused, and its bytes are not held.
package struct BodyRefused: Error {
    package let reason: BodyBudget.Refusal
}

/// One body as `BodyBudget` counts it. What changes is touched under the budget's lock alone.
package final class HeldBody: @unchecked Sendable {
    let key: String
    /// `nil` when the address is not counted.
    let address: PeerAddress?
    let isSmall: Bool
    let onRefusal: @Sendable (BodyBudget.Refusal) -> Void
    /// Bytes counted for the key: what the head promised, or more when more came.
    fileprivate(set) var length: Int
    /// Bytes counted for the address and the worker.
    fileprivate(set) var arrived = 0
    fileprivate(set) var number: UInt64 = 0
    fileprivate(set) var isOpen = false
    fileprivate(set) var refusal: BodyBudget.Refusal?

    fileprivate func isLarger(than other: HeldBody) -> Bool { (length, number) > (other.length, other.number) }

    fileprivate init(
        key: String, address: PeerAddress?, length: Int, isSmall: Bool,
        _ onRefusal: @escaping @Sendable (BodyBudget.Refusal) -> Void
    ) {
        self.key = key
        self.address = address
        self.length = length
        self.isSmall = isSmall
        self.onRefusal = onRefusal
    }
}
