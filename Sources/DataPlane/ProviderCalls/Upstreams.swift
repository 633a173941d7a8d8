internal import CurlTransport
package import DataPlaneHTTP
internal import GatewayModel
internal import PlaneContract
package import Reactor
package import RequestWalk
internal import Routing
internal import Translation

/// An event loop's access to providers: one endpoint per deployment and operation, made on first use.
package final class Upstreams {
    private struct EndpointKey: Hashable {
        var target: ObjectIdentifier
        var operation: Operation
    }

    private let curl: CurlMulti
    private let connectMs: Int
    private var endpoints: [EndpointKey: UpstreamEndpoint] = [:]

    /// - Parameter connectMs: how long connecting to a provider may take.
    package init(on reactor: Reactor, connectMs: Int) {
        curl = CurlMulti(on: reactor)
        self.connectMs = connectMs
    }

    /// Retires all endpoints when the configuration changes: attempts in flight finish, new ones make new endpoints.
    package func retire() {
        for endpoint in endpoints.values { endpoint.retire() }
        endpoints.removeAll(keepingCapacity: true)
    }

    /// Sends a request once. `deliver` gets the attempt's events in order, on the reactor.
    package func start(_ request: UpstreamRequest, deliver: @escaping (WalkEvent) -> Void) -> any UpstreamAttempt {
        let call = UpstreamCall(
            endpoint: endpoint(for: request.target, request.operation), headers: ["X-Request-Id: \(request.id)"],
            body: request.body)
        let number = request.attempt
        let transfer = curl.start(call) { event in
            switch event {
            case .head(let status, let contentType, let retryAfterMs):
                deliver(
                    .attemptHead(attempt: number, status: status, contentType: contentType, retryAfterMs: retryAfterMs))
            case .bytes(let bytes): deliver(.attemptBytes(attempt: number, bytes))
            case .ended: deliver(.attemptEnded(attempt: number))
            case .insecure(let reason): deliver(.attemptFailed(attempt: number, .insecure(reason)))
            case .notSent(let reason): deliver(.attemptFailed(attempt: number, .notSent(reason)))
            case .broke(let reason): deliver(.attemptFailed(attempt: number, .ambiguous(reason)))
            }
        }
        return CurlAttempt(transfer: transfer)
    }

    private func endpoint(for target: RouteTarget, _ operation: Operation) -> UpstreamEndpoint {
        let key = EndpointKey(target: ObjectIdentifier(target), operation: operation)
        if let known = endpoints[key] { return known }
        let dialect = Dialect.named(target.dialect)
        let headers = [("Content-Type", "application/json"), ("Accept", "*/*"), ("User-Agent", "aihub")]
        let made = UpstreamEndpoint(
            url: dialect.url(of: target.provider, operation, model: target.deployment.upstreamModel),
            headers: headers + dialect.headers.map { ($0.name, $0.value) },
            credential: target.credential.map(dialect.credentialHeader),
            allowedNetworks: target.provider.allowedNetworks, connectMs: connectMs)
        endpoints[key] = made
        return made
    }
}

private struct CurlAttempt: UpstreamAttempt {
    let transfer: UpstreamTransfer

    func cancel() { transfer.cancel() }
    func release() { transfer.release() }
    func pause() { transfer.pause() }
    func resume() { transfer.resume() }
}
