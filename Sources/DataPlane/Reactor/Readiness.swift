internal import CLinux

/// What a descriptor is ready for, or watched for. Not an `OptionSet`: its array literals allocate, a few times per
/// event.
package struct Readiness: Equatable, Sendable {
    package let rawValue: UInt32

    package static let none = Readiness(rawValue: 0)
    package static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The other end closed its side, or the connection broke.
    package static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue)
    /// Wakes only one of several reactors that watch the descriptor.
    package static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)

    package static func | (a: Readiness, b: Readiness) -> Readiness { Readiness(rawValue: a.rawValue | b.rawValue) }

    /// Whether any of the other's flags is set.
    package func has(_ other: Readiness) -> Bool { rawValue & other.rawValue != 0 }
}
