internal import EventStream
package import GatewayModel
internal import JSONScan

/// Decides whether an answer may be cached: it must be complete, and ended by the provider itself.
///
/// Judges the bytes the client received.
package enum CacheEligibility {
    /// Finish reasons of a choice that the provider ended itself. `length` is the client's own limit or the model's:
    /// answers cut for lack of money never come here. What a filter removed may be complete the next time.
    private static func isGood(_ reason: JSONView) -> Bool {
        reason.isText("stop") || reason.isText("length") || reason.isText("tool_calls")
            || reason.isText("function_call")
    }

    /// Whether a body may be cached.
    ///
    /// - Parameter choices: how many choices the client requested.
    package static func mayStore(_ body: [UInt8], _ operation: Operation, choices: Int64) -> Bool {
        guard body.count <= CachedResponse.contentBytesMax, let members = try? JSONScanner.members(of: body) else {
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
                // A URL is valid for an hour only, and its owner may revoke it.
                guard let list = member("data"), !list.isEmpty else { return false }
                return list.elements.allSatisfy { $0["b64_json"]?.hasText == true && ($0["url"]?.isNull ?? true) }
            }
        }
    }

    /// Whether a stream may be cached, given its events without the `[DONE]`.
    package static func mayStore(events: [UInt8], choices: Int64) -> Bool {
        guard events.count <= CachedResponse.contentBytesMax else { return false }
        var parser = EventStreamParser()
        var ended: Set<Int64> = []
        var isGoodSoFar = true
        let isReadable: Void? = try? parser.feed(events) { event in
            isGoodSoFar = isGoodSoFar && judge(event.data, &ended)
        }
        return isReadable != nil && isGoodSoFar && Int64(ended.count) == choices && choices > 0
    }

    /// Adds the choices an event ends to `ended`; false when the event forbids caching.
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
