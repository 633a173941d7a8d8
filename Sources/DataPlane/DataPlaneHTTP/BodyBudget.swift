package import Reactor
package import RequestWalk
internal import Synchronization

/// Bounds the bytes of request bodies that a worker holds.
///
/// Counts bodies that are arriving, bodies of requests waiting for admission, and those of running requests until they
/// end, per key, per address and for the worker. A single body is bounded by `Bounds.bodyBytesMax`. Shared by all event
/// loops.
///
/// When the worker holds too much, the largest body still arriving is refused, measured by its announced length or by
/// what has arrived; among equals the newest. Small requests thus go on beside someone's large ones.
package final class BodyBudget: Sendable {
    /// Why a body is refused.
    package enum Refusal: String, Sendable { case key, address, worker, memory }

    /// Bodies announced as no larger than this are counted in full at once and never refused to make room for others.
    static let smallBytesMax = 64 << 10

    private struct State {
        var total = 0
        var byKey: [String: Int] = [:]
        var byAddress: [PeerAddress: Int] = [:]
        /// Bodies that are arriving and may be refused to make room for others.
        var arriving: [ObjectIdentifier: HeldBody] = [:]
        var opened: UInt64 = 0
    }

    private let state = Mutex(State())
    private let bounds: Bounds
    private let trusted: [AddressRange]

    /// - Parameter trustedProxies: not counted as addresses, since each stands for many callers.
    package init(_ bounds: Bounds, trustedProxies: [AddressRange]) {
        self.bounds = bounds
        trusted = trustedProxies
    }

    /// Bytes held at this moment.
    package var total: Int { state.withLock { $0.total } }

    /// Begins to count a body whose head has arrived.
    ///
    /// - Parameters:
    ///   - key: the digest of the caller's key.
    ///   - length: the announced length, if any. A body that exceeds the key's budget is refused before it is sent.
    ///   - onRefusal: called on any thread when the body is refused to make room for others; a later `grow` throws as
    ///   well.
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

    /// Counts bytes that have arrived. If it throws, the body is refused and no longer counted.
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

    /// The body has arrived completely: it stays counted but is no longer refused to make room for others.
    package func complete(_ body: HeldBody) {
        guard !body.isSmall else { return }
        state.withLock { $0.arriving[ObjectIdentifier(body)] = nil }
    }

    /// The body is no longer held. Later calls have no effect.
    package func close(_ body: HeldBody) { state.withLock { drop(body, from: &$0) } }

    /// Frees memory when the process is short of it.
    ///
    /// Refuses arriving bodies, the largest first, until at least `bytes` are freed or none is left to refuse.
    ///
    /// - Returns: the bytes freed.
    @discardableResult
    package func free(bytes: Int) -> Int {
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

    /// Refuses bodies larger than `body`, the largest first, until there is room for `bytes`.
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

    /// The bytes that refusing larger bodies would free for this one.
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

/// The body was refused, and its bytes are no longer held.
package struct BodyRefused: Error {
    package let reason: BodyBudget.Refusal
}

/// One body as `BodyBudget` counts it. Its mutable state is accessed under the budget's lock only.
package final class HeldBody: @unchecked Sendable {
    let key: String
    /// `nil` if the address is not counted.
    let address: PeerAddress?
    let isSmall: Bool
    let onRefusal: @Sendable (BodyBudget.Refusal) -> Void
    /// Bytes counted against the key: the announced length, or what arrived if that is more.
    fileprivate(set) var length: Int
    /// Bytes counted against the address and the worker.
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
