internal import Admission
internal import GatewayModel
internal import KeyMaterial
internal import PlaneContract

/// Stage 1: authenticates the caller. The format of the key is checked here, its record is looked up in Redis.
extension RequestWalk {
    mutating func begin(_ head: RequestHead, at now: Int64) {
        startedMs = now
        self.head = head
        phase = .receiving
        do throws(GatewayError) {
            let endpoint = try Endpoint(method: head.method, target: head.target)
            self.endpoint = endpoint
            try checkContent(head, endpoint)
            if endpoint == .preflight || endpoint == .health { return }
            prepareForCache(head)
            digests = head.digests.isEmpty ? context.world.digests(try Self.key(in: head)) : head.digests
            actions.append(.lookUpKey(digests: digests, fresh: false))
        } catch {
            reject(error, at: now)
        }
    }

    private func checkContent(_ head: RequestHead, _ endpoint: Endpoint) throws(GatewayError) {
        guard endpoint.operation != nil else {
            guard !head.hasBody else { throw GatewayError(.invalidRequest, "This request takes no body.") }
            return
        }
        if let length = head.contentLength, length > context.world.bounds.bodyBytesMax { throw tooLarge }
        if head.contentType != "application/json", !Self.isJSON(head.contentType ?? "") {
            throw GatewayError(.unsupportedMediaType, "Send the body as Content-Type: application/json, in UTF-8.")
        }
        if let encoding = head.contentEncoding, encoding != "", encoding.lowercased() != "identity" {
            throw GatewayError(.unsupportedMediaType, "Compressed request bodies are not accepted.")
        }
    }

    /// Accepts `application/json` with any parameters except another charset (RFC 9110 §8.3.1).
    private static func isJSON(_ type: String) -> Bool {
        let parts = type.lowercased().split(separator: ";", omittingEmptySubsequences: false).map {
            Substring($0.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
        guard parts[0] == "application/json" else { return false }
        let charsets = parts.dropFirst().filter { $0.hasPrefix("charset=") }.map { $0.dropFirst("charset=".count) }
        return charsets.allSatisfy { ["utf-8", "utf8", "\"utf-8\"", "\"utf8\""].contains($0) }
    }

    var tooLarge: GatewayError {
        GatewayError(.requestTooLarge, "The body is larger than \(context.world.bounds.bodyBytesMax >> 20) MiB.")
    }

    /// The key from `Authorization`, else from `api-key` or `x-api-key`, which clients of other APIs use.
    private static func key(in head: RequestHead) throws(GatewayError) -> HubKey {
        guard let value = head.authorization else {
            guard let first = head.apiKeys.first else {
                throw unauthorized("No key was sent. Use the header 'Authorization: Bearer sk-hub-…'.")
            }
            guard head.apiKeys.allSatisfy({ $0 == first }) else { throw twoKeys }
            return try key(first)
        }
        let words = value.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else {
            throw unauthorized("The Authorization header must read 'Bearer sk-hub-…'.")
        }
        // With two gateway keys it is unclear whose budget pays. Keys of other services in these headers are ignored.
        guard head.apiKeys.allSatisfy({ $0 == words[1] || !$0.hasPrefix(HubKey.prefix) }) else { throw twoKeys }
        return try key(String(words[1]))
    }

    private static var twoKeys: GatewayError {
        unauthorized("The headers name two different keys. Send one: 'Authorization: Bearer sk-hub-…'.")
    }

    private static func key(_ text: String) throws(GatewayError) -> HubKey {
        do throws(HubKey.ParseError) {
            return try HubKey(parsing: text)
        } catch {
            switch error {
            case .notAHubKey: throw unauthorized("This is not a key of this gateway: its keys start with sk-hub-.")
            case .mistyped: throw unauthorized("The key is mistyped (its checksum does not match). Copy it again.")
            }
        }
    }

    static func unauthorized(_ message: String) -> GatewayError { GatewayError(.invalidAPIKey, message) }

    mutating func keyFound(_ lookup: KeyLookup, at now: Int64) {
        switch phase {
        case .relaying, .dispatching: return runningKeyFound(lookup, at: now)
        case .idle, .receiving, .rejecting, .peeking, .admitting, .finished: break
        }
        guard case .receiving = phase else { return }
        switch lookup {
        case .found(let caller):
            let record = caller.record
            guard record.status == .active, (record.expiresAtMs ?? .max) > context.wallMs else {
                return reject(Self.unauthorized("The key is unknown, revoked or expired."), at: now)
            }
            self.caller = caller
            beginIfLarge()
            proceed(at: now)
        case .unknown: reject(Self.unauthorized("The key is unknown, revoked or expired."), at: now)
        case .unavailable: reject(limiterUnavailable, at: now)
        case .notAsked(let error): reject(error, at: now)
        }
    }

    var limiterUnavailable: GatewayError {
        GatewayError(
            .limiterUnavailable, "The limits of this key cannot be checked right now. Retry shortly.",
            retryAfterMs: 1_000)
    }

    /// The key changed since its record was read: reads it once more.
    ///
    /// If it is stale again, the request fails as `limiterUnavailable`: a changing key is not the caller's fault.
    mutating func keyWasStale(at now: Int64) {
        guard !keyWasRefreshed else { return fail(limiterUnavailable, at: now, close: !bodyIsComplete) }
        keyWasRefreshed = true
        caller = nil
        pending = nil
        phase = .receiving
        actions.append(.lookUpKey(digests: digests, fresh: true))
    }
}
