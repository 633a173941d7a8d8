import Admission
import GatewayModel
import PlaneContract
import RequestWalk
import ResponseCache

extension RandomWalk {
    /// The walk as a list of events with the resulting actions: printed for a failing seed.
    var story: String {
        steps.map { at, event, actions in
            let done = actions.map(\.story).joined(separator: ", ")
            return "  \(at) \(event.story)" + (done.isEmpty ? "" : " → \(done)")
        }.joined(separator: "\n").replacing("RequestWalk.", with: "")
    }
}

extension WalkEvent {
    fileprivate var story: String {
        switch self {
        case .head(let head):
            "head \(head.method) \(head.target) body \(head.hasBody) \(head.contentLength.map(String.init) ?? "in chunks")"
        case .body(let bytes): "body \(shown(bytes))"
        case .cacheAnswered(.hit(let answer)): "cacheAnswered hit, a stream: \(answer.isStream)"
        case .keyFound(.found(let caller)): "keyFound \(caller.record.status)"
        case .attemptBytes(let number, let bytes): "attemptBytes \(number) \(shown(bytes))"
        default: "\(self)"
        }
    }
}

extension WalkAction {
    fileprivate var story: String {
        switch self {
        case .startAttempt(let request): "startAttempt \(request.attempt)"
        case .respond(let response, let close): "respond \(response.status) \(shown(response.body)) close \(close)"
        case .respondBytes(let bytes): "respondBytes \(shown(bytes))"
        case .settle(let request): "settle \(request.target) \(request.cost.nano) \(shown(request.event))"
        case .cancelAttempt, .releaseAttempt, .pauseAttempt, .resumeAttempt, .noteAttempt, .setTimer, .cancelTimer:
            "\(self)"
        case .lookUpKey, .peek, .findRequest, .begin, .parse, .admit, .lookUpAnswer, .keepAnswer, .respondHead,
            .respondEnd,
            .reportProgress, .readOn, .finished:
            String(name)
        }
    }
}

/// Bytes as text, truncated to a readable length.
private func shown(_ bytes: [UInt8]) -> String {
    let text = String(decoding: bytes.prefix(400), as: UTF8.self)
    return bytes.count > 400 ? "\(text.prefix(100))… (\(bytes.count) bytes)" : "'\(text.replacing("\n", with: "⏎"))'"
}
