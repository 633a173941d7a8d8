internal import EventStream
package import GatewayModel
internal import JSONScan

/// Whether an answer is worth keeping: complete, and ended by the engine itself. Judged by the bytes its caller got.
package enum AnswerJudge {
    /// Reasons an engine gives for ending a choice by itself. `length` is the caller's own limit or the model's: answers cut
    /// for lack of money never come here. What a filter took away may be whole the next time.
    private static func isGood(_ reason: JSONView) -> Bool {
        reason.isText("stop") || reason.isText("length") || reason.isText("tool_calls")
            || reason.isText("function_call")
    }

    /// A body.
    ///
    /// - Parameter choices: how many were asked for.
    package static func mayKeep(_ body: [UInt8], _ operation: Operation, choices: Int64) -> Bool {
        guard body.count <= CachedAnswer.contentBytesMax, let members = try? JSONScanner.members(of: body) else {
            return false
        }
        return body.withJSON { bytes in
            func member(_ name: StaticString) -> JSONView? {
                members.first { JSONString.equals(UnsafeBufferPointer(rebasing: bytes[$0.name]), name) }
                    .map { JSONView(bytes, $0.value) }
            }
            if let error = member("error"), !error.isNull { return false }
            switch operation {
            case .chat, .completion:
                guard let list = member("choices") else { return false }
                let reasons = list.elements.map { $0["finish_reason"] }
                return Int64(reasons.count) == choices && choices > 0
                    && reasons.allSatisfy { $0.map(isGood) ?? false }
            case .embedding: return member("data").map { !$0.isEmpty } ?? false
            case .image:
                // An address is good for an hour only, and somebody else's to take back.
                guard let list = member("data"), !list.isEmpty else { return false }
                return list.elements.allSatisfy { $0["b64_json"]?.hasText == true && ($0["url"]?.isNull ?? true) }
            }
        }
    }

    /// The events of a stream, without its `[DONE]`.
    package static func mayKeep(events: [UInt8], choices: Int64) -> Bool {
        guard events.count <= CachedAnswer.contentBytesMax else { return false }
        var parser = EventStreamParser()
        var ended: Set<Int64> = []
        var isGoodSoFar = true
        let isReadable: Void? = try? parser.feed(events) { event in
            isGoodSoFar = isGoodSoFar && judge(event.data, &ended)
        }
        return isReadable != nil && isGoodSoFar && Int64(ended.count) == choices && choices > 0
    }

    /// Notes which choices an event ends; false when it is none that may be kept.
    private static func judge(_ data: [UInt8], _ ended: inout Set<Int64>) -> Bool {
        guard let members = try? JSONScanner.members(of: data) else { return false }
        return data.withJSON { bytes in
            for member in members {
                let name = UnsafeBufferPointer(rebasing: bytes[member.name])
                let value = JSONView(bytes, member.value)
                if JSONString.equals(name, "error"), !value.isNull { return false }
                guard JSONString.equals(name, "choices") else { continue }
                for choice in value.elements {
                    guard let reason = choice["finish_reason"], reason.kind == .string else { continue }
                    guard isGood(reason) else { return false }
                    ended.insert(choice["index"]?.integer ?? 0)
                }
            }
            return true
        }
    }
}
