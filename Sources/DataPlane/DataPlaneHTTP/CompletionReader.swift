internal import GatewayModel
internal import Reactor
internal import RequestWalk

/// Answers of one event loop that no caller is waiting for, read to the usage at their end.
///
/// Closing their connections would not end their bill.
///
/// Bounded in number and bytes: over the bound, the key with the most such answers loses its oldest, which is charged
/// by its upper bound.
package final class CompletionReader {
    /// The limit for all loops of a worker together.
    package static let perWorkerMax = 512
    /// The limit for the bytes that all answers of one loop have received and may still hold.
    package static let bytesMax = 128 << 20

    private struct Entry {
        let running: RunningWalk
        let attempts: [Int: any UpstreamAttempt]
        let keyID: String
        var bytes = 0
    }

    private unowned let services: any RequestServices
    private let countMax: Int
    private var entries: [RequestID: Entry] = [:]
    /// Oldest first.
    private var byKey: [String: [RequestID]] = [:]
    private var bytes = 0

    /// - Parameter loops: the number of the worker's loops, which share the limit.
    package init(_ services: any RequestServices, loops: Int) {
        self.services = services
        countMax = max(1, Self.perWorkerMax / max(1, loops))
    }

    package var count: Int { entries.count }

    /// Adopts a walk and its attempts. The walk ends by itself, or after `deadlineMs`.
    func add(_ running: RunningWalk, _ attempts: [Int: any UpstreamAttempt], keyID: String, deadlineMs: Int64) {
        let id = running.id
        entries[id] = Entry(running: running, attempts: attempts, keyID: keyID)
        byKey[keyID, default: []].append(id)
        running.readsOn = { [weak self] in self?.feed($0, to: id) }
        services.reactor.after(max(0, deadlineMs)) { [weak self] in self?.feed(.timer(.total), to: id) }
        dropBeyondBounds()
    }

    /// Ends all of them, each charged by its upper bound.
    package func stop() { for id in Array(entries.keys) { feed(.shutdown, to: id) } }

    private func dropBeyondBounds() {
        while entries.count > countMax || bytes > Self.bytesMax {
            guard let most = byKey.max(by: { $0.value.count < $1.value.count })?.value.first else { return }
            feed(.shutdown, to: most)
        }
    }

    private func feed(_ event: WalkEvent, to id: RequestID) {
        guard let running = entries[id]?.running else { return }
        if case .attemptBytes(_, let received) = event {
            entries[id]?.bytes += received.count
            bytes += received.count
        }
        var actions: [WalkAction] = []
        running.handle(event, at: services.reactor.nowMs, into: &actions)
        for action in actions { carryOut(action, for: id) }
        if running.isFinished { remove(id) } else { dropBeyondBounds() }
    }

    private func carryOut(_ action: WalkAction, for id: RequestID) {
        switch action {
        case .cancelAttempt(let number): entries[id]?.attempts[number]?.cancel()
        case .releaseAttempt(let number): entries[id]?.attempts[number]?.release()
        case .pauseAttempt(let number): entries[id]?.attempts[number]?.pause()
        case .resumeAttempt(let number): entries[id]?.attempts[number]?.resume()
        case .noteAttempt(let report): services.record(report)
        case .keepAnswer(let key, let answer): services.store(answer, as: key, from: id)
        case .settle(let request): services.settle(request)
        case .finished(let report): services.finished(report)
        // Output, a growing hold or new requests do not apply without a caller.
        case .lookUpKey, .peek, .findRequest, .begin, .parse, .admit, .lookUpAnswer, .startAttempt, .readOn, .respond,
            .respondHead,
            .respondBytes, .respondEnd, .setTimer, .cancelTimer, .reportProgress:
            break
        }
    }

    private func remove(_ id: RequestID) {
        guard let entry = entries.removeValue(forKey: id) else { return }
        bytes -= entry.bytes
        byKey[entry.keyID]?.removeAll { $0 == id }
        if byKey[entry.keyID]?.isEmpty == true { byKey[entry.keyID] = nil }
        entry.running.readsOn = nil
    }
}
