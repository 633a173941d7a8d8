import Admission
import GatewayModel
import RequestWalk
import Testing

/// A bug planted between a walk and its surroundings, with the effect of a real mistake in the walk.
///
/// It alters what the walk receives or does; the walk itself is unchanged.
struct PlantedBug: Sendable, CustomTestStringConvertible {
    let name: String
    /// The property the checker must report.
    let breaks: WalkProperty
    /// The event the walk receives instead; `nil` to drop it.
    private(set) var event: @Sendable (WalkEvent, WalkFacts) -> WalkEvent? = { event, _ in event }
    private(set) var actions: @Sendable ([WalkAction], WalkFacts) -> [WalkAction] = { actions, _ in actions }

    var testDescription: String { name }

    static let all = caller + attempts + admission + money + cache

    static func hears(
        _ name: String, breaks: WalkProperty, event: @escaping @Sendable (WalkEvent, WalkFacts) -> WalkEvent?
    ) -> PlantedBug {
        PlantedBug(name: name, breaks: breaks, event: event)
    }

    static func acts(
        _ name: String, breaks: WalkProperty, _ actions: @escaping @Sendable ([WalkAction], WalkFacts) -> [WalkAction]
    ) -> PlantedBug {
        PlantedBug(name: name, breaks: breaks, actions: actions)
    }

    /// Replaces single actions: by nothing, by another, or by several.
    static func replaces(
        _ name: String, breaks: WalkProperty, with other: @escaping @Sendable (WalkAction, WalkFacts) -> [WalkAction]
    ) -> PlantedBug {
        PlantedBug(name: name, breaks: breaks, actions: { actions, facts in actions.flatMap { other($0, facts) } })
    }

    /// Changes the bytes written.
    static func rewrites(
        _ name: String, breaks: WalkProperty, _ change: @escaping @Sendable (String, WalkFacts) -> String
    ) -> PlantedBug {
        replaces(name, breaks: breaks) { action, facts in
            switch action {
            case .respondBytes(let bytes):
                let text = change(String(decoding: bytes, as: UTF8.self), facts)
                return text.isEmpty ? [] : [.respondBytes(Array(text.utf8))]
            case .respond(var response, let close):
                response.body = Array(change(String(decoding: response.body, as: UTF8.self), facts).utf8)
                return [.respond(response, close: close)]
            default: return [action]
            }
        }
    }
}

extension SettleRequest {
    /// The event as text.
    var text: String {
        get { String(decoding: event, as: UTF8.self) }
        set { event = Array(newValue.utf8) }
    }
}

extension WalkAction {
    var isSettle: Bool { if case .settle = self { true } else { false } }
    var isCancel: Bool { if case .cancelAttempt = self { true } else { false } }

    /// The next attempt after those in `facts`, as the walk would request it.
    static func nextAttempt(_ facts: WalkFacts) -> [WalkAction] {
        var walker = Walker()
        walker.dispatch(stream: facts.scenario.streams)
        for action in walker.actions {
            guard case .startAttempt(var request) = action else { continue }
            request.attempt = facts.attempts.count + 1
            return [.startAttempt(request)]
        }
        return []
    }
}

extension WalkFacts {
    var eventIsShutdown: Bool { if case .shutdown? = event { true } else { false } }
    var eventIsClientGone: Bool { if case .clientGone? = event { true } else { false } }
}
