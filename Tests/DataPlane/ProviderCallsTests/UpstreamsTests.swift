import Foundation
import GatewayModel
import Glibc
import PlaneContract
import ProviderCalls
import Reactor
import RequestWalk
import Routing
import Synchronization
import TestPeers
import Testing

/// A provider on loopback that answers one request, and keeps what it read.
private final class Provider: Sendable {
    let port: Int
    let read = Notes<String>()

    init(_ response: String) throws {
        let listener = try Socket.listen(host: "127.0.0.1", port: 0, backlog: 4)
        port = Socket.localPort(of: listener)
        Thread.detachNewThread { [read] in
            _ = Socket.wait(listener, writable: false, timeoutMs: 60_000)
            let connection = accept(listener, nil, nil)
            var text = ""
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while !text.hasSuffix("}") {
                let count = recv(connection, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            read.add(text)
            let bytes = Array(response.utf8)
            _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            close(connection)
            close(listener)
        }
    }
}

@Suite struct UpstreamsTests {
    private static func target(port: Int, allowed: [String]) throws -> RouteTarget {
        let model = ModelEntry(
            name: "m", vendor: "v", kind: "chat", created: 0, contextWindow: nil, maxOutputTokens: 10, vision: false,
            tools: false, wantsMaxCompletionTokens: false, firstEventMs: 1_000, idleMs: 1_000,
            prices: [
                Price(id: 1, effectiveFromMs: 0, input: 1, cacheRead: 1, cacheWrite: 1, output: 1, reasoning: 1)
            ])
        let table = RoutingTable(
            GatewaySnapshot(
                version: 1,
                providers: [
                    ProviderEntry(
                        id: "p", dialect: "openai", baseURL: "http://127.0.0.1:\(port)/v1", allowedNetworks: allowed)
                ],
                credentials: [CredentialEntry(id: "c", sealed: "s")], models: [model],
                deployments: [
                    DeploymentEntry(
                        id: "d", model: "m", provider: "p", credential: "c", upstreamModel: "up", order: 0, weight: 1)
                ], aliases: [])
        ) { _ in Secret("sk-vendor") }
        return try #require(table.allTargets.first)
    }

    /// The events of one attempt, to its end.
    private func attempt(_ target: RouteTarget) async -> [String] {
        let events = Notes<String>()
        let loop = OnLoop { Upstreams(on: $0, connectMs: 30_000) }
        return await loop.ask { upstreams, done in
            let request = UpstreamRequest(
                attempt: 3, id: RequestID(milliseconds: 1, random: (1, 2)), operation: .chat, target: target,
                key: KeyHash("k"), streams: false, body: Array(#"{"model":"up"}"#.utf8))
            _ = upstreams.start(request) { event in
                switch event {
                case .attemptHead(3, let status, let type, _): events.add("head \(status) \(type)")
                case .attemptBytes(3, let bytes): events.add(String(decoding: bytes, as: UTF8.self))
                case .attemptEnded(3):
                    events.add("ended")
                    done(events.all)
                case .attemptFailed(3, let failure):
                    switch failure {
                    case .notSent: events.add("not sent")
                    case .insecure: events.add("insecure")
                    case .ambiguous: events.add("ambiguous")
                    }
                    done(events.all)
                default: events.add("\(event)")
                }
            }
        }
    }

    @Test("a call carries the deployment's credential and the request's ID; its answer comes as events of its attempt")
    func answered() async throws {
        let provider = try Provider(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        let events = await attempt(try Self.target(port: provider.port, allowed: ["127.0.0.0/8"]))
        #expect(events == ["head 200 application/json", "{}", "ended"])
        let sent = try #require(provider.read.all.first)
        #expect(sent.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
        #expect(
            sent.contains("Authorization: Bearer sk-vendor\r\n") && sent.contains("X-Request-Id: req_")
                || sent.contains("X-Request-Id: "))
        #expect(sent.hasSuffix(#"{"model":"up"}"#))
    }

    @Test("a provider that nobody listens for was not sent the request; one that breaks off may have been")
    func failed() async throws {
        let gone = try Socket.listen(host: "127.0.0.1", port: 0, backlog: 1)
        let port = Socket.localPort(of: gone)
        Socket.close(gone)
        #expect(await attempt(try Self.target(port: port, allowed: ["127.0.0.0/8"])) == ["not sent"])
        let provider = try Provider("")
        let events = await attempt(try Self.target(port: provider.port, allowed: ["127.0.0.0/8"]))
        #expect(events == ["ambiguous"] && provider.read.all.count == 1)
    }

    @Test("a private network that the provider is not allowed is never connected to")
    func forbidden() async throws {
        let listener = try Socket.listen(host: "127.0.0.1", port: 0, backlog: 1)
        defer { Socket.close(listener) }
        let events = await attempt(try Self.target(port: Socket.localPort(of: listener), allowed: []))
        #expect(events == ["not sent"] || events == ["insecure"])
        #expect(!Socket.wait(listener, writable: false, timeoutMs: 0))
    }
}
