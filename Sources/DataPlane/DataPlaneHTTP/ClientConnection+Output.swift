internal import GatewayModel
internal import HTTPCodec
internal import Reactor
internal import RequestWalk

/// Output: from responses to bytes.
extension ClientConnection {
    func write(_ response: Response, close: Bool) {
        if close || !requestIsComplete { keepAlive = false }
        isChunkedAnswer = false
        if response.restMs > 0 { set(Deadline.rest, afterMs: response.restMs) }
        output.write { Self.write(response, keepAlive: keepAlive, isHead: isHead, into: &$0) }
        ended()
    }

    private static func write(_ response: Response, keepAlive: Bool, isHead: Bool, into out: inout [UInt8]) {
        ResponseWriter.statusLine(response.status, into: &out)
        out.append(contentsOf: response.headers.bytes)
        if response.status != 204 {
            out.append("content-length: ")
            out.append(decimal: Int64(response.body.count))
            out.append("\r\n")
        }
        out.append(keepAlive ? "\r\n" : "connection: close\r\n\r\n")
        if !isHead { out.append(contentsOf: response.body) }
    }

    static var tooManyConnections: GatewayError {
        GatewayError(.overloaded, "Too many connections from this address. Retry.", retryAfterMs: 1_000)
    }

    /// Refuses a connection whose address has too many, without keeping any state.
    ///
    /// Sends the error as far as the socket takes it at once, and closes.
    static func reject(_ descriptor: Int32, _ services: any RequestServices) {
        let response = RequestWalk(services.makeContext()).errorResponse(tooManyConnections)
        var output = OutputBuffer()
        output.write { write(response, keepAlive: false, isHead: false, into: &$0) }
        // Closing with unread input sends a reset, which may overtake the response.
        _ = Socket.receive(descriptor, into: services.readBuffer)
        _ = output.flush(to: descriptor)
        Socket.close(descriptor)
    }

    func writeHead(_ status: Int, _ headers: HeaderBlock) {
        // HTTP/1.0 has no chunked coding: closing the connection ends the stream.
        if isHTTP10 || !requestIsComplete { keepAlive = false }
        isChunkedAnswer = !isHTTP10
        output.write { out in
            ResponseWriter.statusLine(status, into: &out)
            out.append(contentsOf: headers.bytes)
            if isChunkedAnswer { out.append("transfer-encoding: chunked\r\n") }
            out.append(keepAlive ? "\r\n" : "connection: close\r\n\r\n")
        }
    }

    func writeBytes(_ bytes: [UInt8]) {
        output.write { out in
            if isChunkedAnswer { ResponseWriter.chunk(bytes, into: &out) } else { out.append(contentsOf: bytes) }
        }
    }

    func writeEnd(_ trailers: [(String, String)]) {
        if isChunkedAnswer { output.write { ResponseWriter.lastChunk(trailers, into: &$0) } }
        ended()
    }

    /// Prepares to close the connection after a response, unless it is kept alive.
    ///
    /// If the client is still sending, closing at once would send a reset that may overtake the response (RFC 9112
    /// §9.6). So the write side is closed first, remaining input is dropped, and the rest is closed later.
    private func ended() {
        deadlines.cancel(Deadline.body)
        guard !keepAlive else { return }
        isClosing = true
        if !requestIsComplete {
            bodyBytes = 0
            reading = .discard
        }
    }

    /// Sends pending output, watches whether the client keeps up, and closes after a final response.
    func flush() {
        guard !isClosed else { return }
        let before = output.unsent
        guard output.flush(to: descriptor) else { return abort() }
        let unsent = output.unsent
        if unsent == 0 {
            deadlines.cancel(Deadline.writeStall)
            if isClosing, !isBusy { return closeGracefully() }
        } else if unsent < before || !deadlines.isSet(Deadline.writeStall) {
            set(Deadline.writeStall, afterMs: bounds.writeStallMs)
        }
        if !callerIsBlocked, unsent > bounds.unsentBytesHigh {
            callerIsBlocked = true
            if isBusy { feed(.clientBlocked) }
        } else if callerIsBlocked, unsent <= bounds.unsentBytesLow {
            callerIsBlocked = false
            if isBusy { feed(.clientReady) }
        }
        updateInterest()
    }

    private func closeGracefully() {
        guard case .discard = reading else { return close() }
        guard !deadlines.isSet(Deadline.linger) else { return }
        Socket.finishWriting(descriptor)
        set(Deadline.linger, afterMs: bounds.lingerMs)
    }
}
