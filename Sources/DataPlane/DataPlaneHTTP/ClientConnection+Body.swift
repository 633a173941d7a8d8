internal import GatewayModel
internal import Reactor
internal import RequestWalk

/// The body of the current request: counted in the worker's `BodyBudget` and watched for its pace.
extension ClientConnection {
    /// Counts a body whose head has arrived. Returns false if there is no room; the request is then refused.
    func holdBody(of running: RunningWalk, length: Int?) -> Bool {
        guard running.holdsBody, let key = running.digests.first else { return true }
        let box = OnReactor(self, reactor)
        do throws(BodyRefused) {
            heldBody = try services.bodies.open(key: key, address: address, length: length) { box.refuse($0) }
            return true
        } catch {
            refuse(bodyError(error.reason))
            return false
        }
    }

    /// Counts bytes that have arrived. Returns false if there is no room; the request is then refused.
    func growBody(by bytes: Int) -> Bool {
        guard let heldBody else { return true }
        do throws(BodyRefused) {
            try services.bodies.grow(heldBody, by: bytes)
            return true
        } catch {
            refuse(bodyError(error.reason))
            return false
        }
    }

    func releaseBody() {
        guard let body = heldBody else { return }
        heldBody = nil
        services.bodies.close(body)
    }

    /// The body was refused to make room for others. Ignored if the request was refused meanwhile.
    fileprivate func bodyEvicted(_ reason: BodyBudget.Refusal) {
        guard heldBody != nil, isBusy, !requestIsComplete else { return }
        refuse(bodyError(reason))
    }

    private func bodyError(_ reason: BodyBudget.Refusal) -> GatewayError {
        let again = "Retry in a moment."
        return switch reason {
        case .key:
            GatewayError(
                .rateLimitExceeded,
                "This key's requests would hold more than \(bounds.bodiesBytesPerKeyMax >> 20) MiB of bodies at once. Retry when one of them has finished.",
                retryAfterMs: 1_000)
        case .address:
            GatewayError(
                .overloaded,
                "Requests from this address would hold more than \(bounds.bodiesBytesPerAddressMax >> 20) MiB of bodies at once. \(again)",
                retryAfterMs: 1_000)
        case .worker:
            GatewayError(
                .overloaded, "This worker has no room for more request bodies. \(again)",
                retryAfterMs: 1_000)
        case .memory:
            GatewayError(.overloaded, "This worker is short of memory. \(again)", retryAfterMs: 1_000)
        }
    }

    // MARK: Pace

    func startBodyPace() {
        bodyPace = BodyPace(
            startMs: reactor.nowMs, windowMs: bounds.bodyMs, totalMs: bounds.bodyTotalMs,
            bytesPerSecondMin: bounds.bodyBytesPerSecondMin)
        set(Deadline.body, afterMs: BodyPace.firstCheckMs(windowMs: bounds.bodyMs, totalMs: bounds.bodyTotalMs))
    }

    func checkBodyPace() {
        switch bodyPace?.check(bytes: bodyBytes, nowMs: reactor.nowMs) {
        case .inTime(let nextCheckMs): set(Deadline.body, afterMs: nextCheckMs)
        case .tooSlow: refuse(GatewayError(.requestTimeout, "The body of the request did not arrive in time."))
        case .tooLong:
            refuse(
                GatewayError(
                    .requestTimeout,
                    "The body of the request did not arrive within \(bounds.bodyTotalMs / 1000) seconds."))
        case nil: break
        }
    }
}

/// Lets any thread reach a connection on its reactor, without retaining it.
private final class OnReactor: @unchecked Sendable {
    private weak var connection: ClientConnection?
    private let reactor: Reactor

    init(_ connection: ClientConnection, _ reactor: Reactor) {
        self.connection = connection
        self.reactor = reactor
    }

    func refuse(_ reason: BodyBudget.Refusal) { reactor.execute { [self] in connection?.bodyEvicted(reason) } }
}
