package import GatewayModel

/// A walk under way, changed in place: the value itself is large, and every copy of it would count its parts again.
package final class RunningWalk {
    private var walk: RequestWalk
    package let id: RequestID
    package private(set) var isFinished = false
    /// Where the events of its attempts go once its connection has no more part in it.
    package var readsOn: ((WalkEvent) -> Void)?

    package init(_ context: WalkContext) {
        walk = RequestWalk(context)
        id = context.id
    }

    /// Handles one event; what is to be done stands in `out` afterwards, and nothing else.
    package func handle(_ event: WalkEvent, at now: Int64, into out: inout [WalkAction]) {
        walk.handle(event, at: now, into: &out)
        if case .finished = walk.phase { isFinished = true }
    }

    /// The digests of the caller's key, once its form is found good.
    package var digests: [String] { walk.digests }
}
