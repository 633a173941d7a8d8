internal import GatewayModel
internal import PlaneContract

/// What a request costs, as far as its usage is known.
struct Charge {
    var usage: TokenUsage
    var source: UsageSource
    var cost: NanoUSD

    static let nothing = Charge(usage: TokenUsage(), source: .counted, cost: .zero)

    /// The charge plus what an earlier attempt of the request may have cost, capped at `most`.
    func adding(_ owed: Charge, at most: NanoUSD) -> Charge {
        guard owed.cost > .zero else { return capped(at: most) }
        var usage = usage
        usage.add(owed.usage)
        return Charge(usage: usage, source: .bounded, cost: NanoUSD(cost.nano + owed.cost.nano)).capped(at: most)
    }

    /// When a provider bills more than the bound, the operator pays the difference, not the caller.
    private func capped(at most: NanoUSD) -> Charge {
        cost > most ? Charge(usage: usage, source: .bounded, cost: most) : self
    }
}

/// How the last attempt ended, as far as that decides what its provider may bill.
enum Billing {
    /// Nothing was sent, or the provider reported a failure.
    ///
    /// `keepsUnit`: the request still counts against the request limits, as when its own content caused the error or
    /// its connection was lost.
    case nothing(keepsUnit: Bool)
    /// The connection was lost before a response head, too often for this key: the input may have been billed.
    case input
    /// The provider completed its answer.
    case whole
    /// The connection was closed by either side before the answer was complete.
    case cut

    var keepsUnit: Bool { if case .nothing(keepsUnit: false) = self { false } else { true } }
}

extension TokenUsage {
    fileprivate mutating func add(_ other: TokenUsage) {
        input += other.input
        imageInput += other.imageInput
        cacheRead += other.cacheRead
        cacheWrite += other.cacheWrite
        cacheWriteHour += other.cacheWriteHour
        output += other.output
        reasoning += other.reasoning
    }
}
