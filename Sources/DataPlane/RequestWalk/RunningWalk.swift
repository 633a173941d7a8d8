package import GatewayModel

/// A running walk, mutated in place: `RequestWalk` is large, and copying it would retain each of its parts.
package final class RunningWalk {
    private var walk: RequestWalk
    package let id: RequestID
    package private(set) var isFinished = false
    /// Receives the events of the walk's attempts once its connection is gone.
    package var readsOn: ((WalkEvent) -> Void)?
    /// Whether the request's body is held, or would be if it arrived: until the request is refused or ends.
    package private(set) var holdsBody = true

    package init(_ context: WalkContext) {
        walk = RequestWalk(context)
        id = context.id
    }

    /// Handles one event; `out` is replaced by the resulting actions.
    package func handle(_ event: WalkEvent, at now: Int64, into out: inout [WalkAction]) {
        walk.handle(event, at: now, into: &out)
        isFinished = walk.isFinished
        holdsBody = walk.holdsBody
    }

    /// The digests of the caller's key, once its format has been validated.
    package var digests: [String] { walk.digests }
}
