internal import Admission
internal import KeyDirectory
internal import LimiterClient
internal import Reactor
internal import RequestWalk
internal import Settlement

/// What a request asks of the limiter, and the thread that parses large bodies.
extension LoopContext {
    func lookUpKey(
        digests: [String], fresh: Bool, from address: () -> PeerAddress, reply: @escaping (KeyLookup) -> Void
    ) { keys.lookUp(digests, fresh: fresh, from: address, reply: reply) }

    func peek(_ caller: Caller, reply: @escaping (PeekVerdict) -> Void) { reads.peek(caller, reply: reply) }

    func findRequest(_ id: String, of caller: Caller, reply: @escaping (RequestLookup) -> Void) {
        reads.findRequest(id, of: caller, reply: reply)
    }

    func begin(_ request: BeginRequest, reply: @escaping (BeginAnswer) -> Void) {
        accounting.begin(request, reply: reply)
    }

    func parse(_ body: BodyTask, reply: @escaping (ParsedBody) -> Void) {
        let onLoop = Unchecked(reply)
        let hasRoom = bodyParser.run(holding: body.byteCount) { [reactor] in
            let parsed = body.run()
            // The reply's captures belong to the loop.
            reactor.execute { onLoop.value(parsed) }
        }
        if !hasRoom { reply(.overloaded) }
    }

    func admit(_ request: AdmitRequest, reply: @escaping (AdmitAnswer) -> Void) {
        accounting.admit(request, reply: reply)
    }

    func settle(_ request: SettleRequest) { accounting.settle(request) }

    func reportProgress(_ report: ProgressReport, reply: @escaping (ProgressVerdict) -> Void) {
        settlements.report(report, loopID: loopID, reply: reply)
    }
}
