internal import GatewayModel
internal import PlaneContract

/// What a request costs by what is known of it.
struct Charge {
    var usage: TokenUsage
    var source: UsageSource
    var cost: NanoUSD

    static let nothing = Charge(usage: TokenUsage(), source: .counted, cost: .zero)

    /// The same beside what an earlier attempt of the request may have cost.
    func adding(_ owed: Charge, at most: NanoUSD) -> Charge {
        guard owed.cost > .zero else { return capped(at: most) }
        var usage = usage
        usage.add(owed.usage)
        return Charge(usage: usage, source: .bounded, cost: NanoUSD(cost.nano + owed.cost.nano)).capped(at: most)
    }

    /// A provider that reports more than the bound is the operator's loss, not the caller's.
    private func capped(at most: NanoUSD) -> Charge {
        cost > most ? Charge(usage: usage, source: .bounded, cost: most) : self
    }
}

/// How the last attempt of a request ended, as far as it decides what its provider may bill.
enum Billing {
    /// Nothing was sent, or the provider said that it failed. The unit of the request limits goes back, unless the error
    /// only repeats what the caller asked for.
    case nothing(keepsUnit: Bool)
    /// The connection was lost before a head too often: the input may have been billed.
    case input
    /// The provider ended its answer.
    case whole
    /// The connection was closed before the end, by either side.
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
