internal import CCurl
internal import GatewayModel
internal import Glibc
internal import Reactor

/// A libcurl easy handle and its current transfer.
///
/// The handle is reused for one endpoint, so that options which do not change between transfers are set once.
///
/// A POST must not be sent twice, but libcurl silently repeats it when a reused connection turns out to be stale before
/// the first byte of a response. The callback before each sending (CURLOPT_PREREQFUNCTION) allows only the first.
final class CurlTransfer {
    static let headerBytesMax = 64 << 10
    private static let receiveBytes = 16 << 10
    /// Once this much has arrived within a turn, libcurl is paused until it has been delivered.
    private static let receivedBytesMax = 32 << 10

    let easy: UnsafeMutableRawPointer
    let endpoint: UpstreamEndpoint
    unowned let multi: CurlMulti
    /// Counts transfers, so that calls and events meant for an earlier one are recognised.
    private(set) var uses: UInt64 = 0
    private(set) var isRunning = false
    /// Retains itself while libcurl has the handle.
    private var retained: CurlTransfer?
    /// libcurl has finished the transfer; its last events may still be queued.
    private(set) var isOver = false
    /// Set once released: no events are delivered, and the transfer may end by itself until this time.
    var releasedUntilMs: Int64?
    private(set) var deliver: ((UpstreamEvent) -> Void)?
    private var ownHeaders: UnsafeMutablePointer<curl_slist>?
    private var queued: [UpstreamEvent] = []
    private var received: [UInt8] = []
    private var head = ResponseHead()
    private var hasEvents = false
    private var isFull = false
    private var isPaused = false
    private var sendCount = 0
    private var refusal: String?
    /// A connection opened for this transfer reached TCP's connected state before it was closed.
    var hadConnection = false

    init(for endpoint: UpstreamEndpoint, of multi: CurlMulti) {
        guard let easy = curl_easy_init() else { preconditionFailure("out of memory for libcurl") }
        self.easy = easy
        self.endpoint = endpoint
        self.multi = multi
        configure()
    }

    deinit { curl_easy_cleanup(easy) }

    private func configure() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_set_pointer(easy, CURLOPT_PRIVATE, me)
        _ = ccurl_set_string(easy, CURLOPT_URL, endpoint.url)
        _ = ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, endpoint.allowsPlainHTTP ? "http,https" : "https")
        _ = ccurl_set_string(easy, CURLOPT_PROXY, "")
        _ = ccurl_set_string(easy, CURLOPT_NOPROXY, "*")
        _ = ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        _ = ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        _ = ccurl_set_long(easy, CURLOPT_TCP_NODELAY, 1)
        _ = ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        _ = ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, endpoint.connectMs)
        _ = ccurl_set_long(easy, CURLOPT_MAXAGE_CONN, 30)
        _ = ccurl_set_long(easy, CURLOPT_MAXLIFETIME_CONN, 300)
        // A transfer that is cancelled during name resolution must not make the reactor wait for the resolver.
        _ = ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        _ = ccurl_set_long(easy, CURLOPT_BUFFERSIZE, Self.receiveBytes)
        _ = ccurl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        _ = ccurl_set_data_callback(easy, CURLOPT_HEADERFUNCTION, receiveHeader)
        _ = ccurl_set_pointer(easy, CURLOPT_WRITEDATA, me)
        _ = ccurl_set_data_callback(easy, CURLOPT_WRITEFUNCTION, receiveBytesCallback)
        _ = ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, me)
        _ = ccurl_set_open_socket_callback(easy, openSocket)
        _ = ccurl_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(multi).toOpaque())
        _ = ccurl_set_close_socket_callback(easy, closeSocket)
        _ = ccurl_set_pointer(easy, CURLOPT_PREREQDATA, me)
        _ = ccurl_set_prereq_callback(easy, beforeSending)
    }

    // MARK: One transfer

    func begin(_ call: UpstreamCall, deliver: @escaping (UpstreamEvent) -> Void) {
        uses += 1
        isRunning = true
        retained = self
        isOver = false
        self.deliver = deliver
        head = ResponseHead()
        sendCount = 0
        isFull = false
        isPaused = false
        refusal = nil
        hadConnection = false
        for line in call.headers.reversed() { prepend(line) }
        _ = ccurl_set_headers(easy, ownHeaders ?? endpoint.headers)
        _ = ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(call.body.count))
        call.body.withUnsafeBytes { _ = ccurl_copy_body(easy, $0.baseAddress) }
    }

    /// Prepends a header to the endpoint's list, which is shared and never modified.
    private func prepend(_ line: String) {
        let node = curl_slist_append(nil, line)
        node?.pointee.next = ownHeaders ?? endpoint.headers
        ownHeaders = node
    }

    /// Frees what belongs to this transfer only. Call after the handle was removed from the multi handle.
    func finish() {
        isRunning = false
        retained = nil
        deliver = nil
        releasedUntilMs = nil
        queued.removeAll(keepingCapacity: true)
        received = []
        hasEvents = false
        _ = ccurl_set_pointer(easy, CURLOPT_POSTFIELDS, nil)
        while let node = ownHeaders, node != endpoint.headers {
            ownHeaders = node.pointee.next
            node.pointee.next = nil
            curl_slist_free_all(node)
        }
        ownHeaders = nil
    }

    func setPaused(_ paused: Bool) {
        guard paused != isPaused else { return }
        isPaused = paused
        isFull = false
        curl_easy_pause(easy, paused ? CURLPAUSE_RECV : CURLPAUSE_CONT)
    }

    func ended(with code: CURLcode) {
        isOver = true
        announceEvents()
        flushBytes()
        guard code != CURLE_OK else { return queued.append(.ended) }
        let reason = refusal ?? String(cString: curl_easy_strerror(code))
        // A TLS handshake that timed out: TCP was connected, but the request was never sent.
        let handshakeTimedOut = code == CURLE_OPERATION_TIMEDOUT && endpoint.url.hasPrefix("https:") && hadConnection
        if Self.tlsFailures.contains(code.rawValue) || handshakeTimedOut && sendCount == 0 {
            return queued.append(.insecure(reason))
        }
        // Nothing was sent before the first sending. If a second sending was stopped, the first may have arrived.
        let isSent = sendCount > 1 || sendCount == 1 && ccurl_request_bytes(easy) > 0
        queued.append(isSent ? .broke(reason) : .notSent(reason))
    }

    private static let tlsFailures: Set<UInt32> = [
        CURLE_SSL_CONNECT_ERROR.rawValue, CURLE_PEER_FAILED_VERIFICATION.rawValue, CURLE_SSL_CIPHER.rawValue,
        CURLE_SSL_CACERT_BADFILE.rawValue, CURLE_SSL_ISSUER_ERROR.rawValue, CURLE_SSL_INVALIDCERTSTATUS.rawValue,
    ]

    /// Removes and returns the events since the last call, in order.
    func collect() -> [UpstreamEvent] {
        hasEvents = false
        flushBytes()
        defer { queued.removeAll(keepingCapacity: true) }
        return queued
    }

    private func flushBytes() {
        guard !received.isEmpty else { return }
        queued.append(.bytes(received))
        received = []
    }

    private func announceEvents() {
        guard !hasEvents else { return }
        hasEvents = true
        multi.hasEvents(self)
    }

    // MARK: Callbacks

    fileprivate func receive(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
        switch head.parse(bytes) {
        case .incomplete: return true
        case .complete:
            announceEvents()
            queued.append(.head(status: head.status, contentType: head.contentType, retryAfterMs: head.retryAfterMs))
            return true
        case .refused(let reason):
            refusal = reason
            return false
        }
    }

    /// Returns false if the buffer is full: libcurl then keeps the bytes, pauses, and offers them again later.
    fileprivate func receive(bytes: UnsafeRawBufferPointer) -> Bool {
        announceEvents()
        guard received.count < Self.receivedBytesMax else {
            isFull = true
            return false
        }
        received.append(contentsOf: bytes)
        return true
    }

    /// Resumes a transfer that filled its buffer, after delivery, unless the receiver paused it.
    func resumeIfFull() {
        guard isFull, isRunning, !isPaused else { return }
        isFull = false
        curl_easy_pause(easy, CURLPAUSE_CONT)
    }

    fileprivate func mayOpen(_ address: UnsafePointer<sockaddr>) -> Bool {
        if endpoint.policy.permits(address) { return true }
        refusal = "address not allowed for this provider"
        return false
    }

    /// Checks the address again, because the connection may have been opened for another provider.
    fileprivate func maySend(to address: UnsafePointer<CChar>) -> Bool {
        sendCount += 1
        guard sendCount == 1 else {
            refusal = "the provider closed the connection after the request was sent"
            return false
        }
        if endpoint.permitted(before: address) { return true }
        guard let peer = PeerAddress(String(cString: address)), endpoint.policy.permits(peer) else {
            refusal = "address not allowed for this provider"
            sendCount = 0
            return false
        }
        endpoint.notePermitted(address)
        return true
    }
}

private func transfer(_ pointer: UnsafeMutableRawPointer?) -> CurlTransfer {
    guard let pointer else { preconditionFailure("libcurl called back without its data pointer") }
    return Unmanaged<CurlTransfer>.fromOpaque(pointer).takeUnretainedValue()
}

private let receiveHeader: ccurl_data_callback = { bytes, size, count, me in
    transfer(me).receive(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private let receiveBytesCallback: ccurl_data_callback = { bytes, size, count, me in
    let isTaken = transfer(me).receive(bytes: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return isTaken ? size * count : Int(CURL_WRITEFUNC_PAUSE)
}

private let openSocket: ccurl_open_socket_callback = { me, _, address in
    guard let address else { return CURL_SOCKET_BAD }
    let current = transfer(me)
    guard withUnsafePointer(to: &address.pointee.addr, { current.mayOpen($0) }) else { return CURL_SOCKET_BAD }
    let descriptor = ccurl_socket(address)
    guard !Socket.isReserved(descriptor) else {
        close(descriptor)
        return CURL_SOCKET_BAD
    }
    if descriptor >= 0 { current.multi.opened(descriptor, for: current) }
    return descriptor
}

private let closeSocket: ccurl_close_socket_callback = { multi, descriptor in
    if let multi { Unmanaged<CurlMulti>.fromOpaque(multi).takeUnretainedValue().closed(descriptor) }
    return close(descriptor)
}

private let beforeSending: ccurl_prereq_callback = { me, address, _, _, _ in
    guard let address else { return CURL_PREREQFUNC_ABORT }
    return transfer(me).maySend(to: address) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}
