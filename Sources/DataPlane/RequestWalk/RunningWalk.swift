package import GatewayModel

/// A walk under way, changed in place: the value itself is large, and every copy of it would count its parts again.
package final class RunningWalk {
    private var walk: RequestWalk
    package let id: RequestID
    package private(set) var isFinished = false
    /// Where the events of its attempts go once its connection has no more part in it.
    package var readsOn: ((WalkEvent) -> Void)?
    /// Whether the bytes of the request's body are kept, or would be: until it is refused, or has ended.
    package private(set) var holdsBody = true

    package init(_ context: WalkContext) {
        walk = RequestWalk(context)
        id = context.id
    }

    /// Handles one event; what is to be done stands in `out` afterwards, and nothing else.
    package func handle(_ event: WalkEvent, at now: Int64, into out: inout [WalkAction]) {
        walk.handle(event, at: now, into: &out)
        switch walk.phase {
        case .finished:
            isFinished = true
            holdsBody = false
        case .rejecting: holdsBody = false
        default: break
        }
    }

    /// The digests of the caller's key, once its form is found good.
    package var digests: [String] { walk.digests }
}
