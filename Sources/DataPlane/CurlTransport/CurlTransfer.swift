internal import CCurl
internal import GatewayModel
internal import Glibc

/// One transfer. Belongs to the driver's thread from the moment it is taken out of the inbox.
///
/// libcurl's rules that are kept here: the header list and what the callbacks read must outlive the transfer
/// (CURLOPT_HTTPHEADER, CURLOPT_READDATA), and a POST whose connection turns out stale must not be sent again: the seek
/// callback refuses, which makes libcurl fail with CURLE_SEND_FAIL_REWIND where it would silently repeat the request.
final class CurlTransfer: @unchecked Sendable {
    static let headerBytesMax = 64 << 10

    let id: TransferID
    let call: UpstreamCall
    let policy: AddressPolicy
    let deliver: (UpstreamEvent) -> Void
    var easy: UnsafeMutableRawPointer?
    /// Nobody listens any more; it may finish by itself until this instant (milliseconds, monotonic).
    var releasedUntil: Int64?
    var refusal: String?
    /// Called when the first event of a turn arrives.
    var onNews: (CurlTransfer) -> Void = { _ in }
    private(set) var hasNews = false
    private var queued: [UpstreamEvent] = []
    private var headers: UnsafeMutablePointer<curl_slist>?
    private var sent = 0
    private var status = 0
    private var headerBytes = 0
    private var contentType = ""
    private var retryAfterMs: Int64?
    private var arrived: [UInt8] = []

    init(id: TransferID, call: UpstreamCall, deliver: @escaping (UpstreamEvent) -> Void) {
        self.id = id
        self.call = call
        self.deliver = deliver
        policy = AddressPolicy(allowedNetworks: call.allowedNetworks)
    }

    deinit { if let headers { curl_slist_free_all(headers) } }

    /// Sets every option of a fresh or reset handle.
    func configure(_ easy: UnsafeMutableRawPointer) {
        self.easy = easy
        let me = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_set_string(easy, CURLOPT_URL, call.url)
        _ = ccurl_set_string(easy, CURLOPT_PROTOCOLS_STR, call.allowedNetworks.isEmpty ? "https" : "http,https")
        _ = ccurl_set_string(easy, CURLOPT_PROXY, "")
        _ = ccurl_set_string(easy, CURLOPT_NOPROXY, "*")
        _ = ccurl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        _ = ccurl_set_long(easy, CURLOPT_NOSIGNAL, 1)
        _ = ccurl_set_long(easy, CURLOPT_TCP_NODELAY, 1)
        _ = ccurl_set_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        _ = ccurl_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, call.connectMs)
        _ = ccurl_set_long(easy, CURLOPT_TIMEOUT_MS, call.totalMs)
        _ = ccurl_set_long(easy, CURLOPT_MAXAGE_CONN, 30)
        _ = ccurl_set_long(easy, CURLOPT_MAXLIFETIME_CONN, 300)
        // A transfer that is given up while its name is being resolved must not make the driver wait for the resolver.
        _ = ccurl_set_long(easy, CURLOPT_QUICK_EXIT, 1)
        _ = ccurl_set_long(easy, CURLOPT_BUFFERSIZE, 65536)
        _ = ccurl_set_long(easy, CURLOPT_POST, 1)
        _ = ccurl_set_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(call.body.count))
        _ = ccurl_set_pointer(easy, CURLOPT_READDATA, me)
        _ = ccurl_set_data_callback(easy, CURLOPT_READFUNCTION, giveBytes)
        _ = ccurl_set_seek_callback(easy) { _, _, _ in CURL_SEEKFUNC_FAIL }
        _ = ccurl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        _ = ccurl_set_data_callback(easy, CURLOPT_HEADERFUNCTION, takeHeader)
        _ = ccurl_set_pointer(easy, CURLOPT_WRITEDATA, me)
        _ = ccurl_set_data_callback(easy, CURLOPT_WRITEFUNCTION, takeBytes)
        _ = ccurl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, me)
        _ = ccurl_set_open_socket_callback(easy, openSocket)
        setHeaders(easy)
    }

    private func setHeaders(_ easy: UnsafeMutableRawPointer) {
        // An empty `Expect:` keeps libcurl from asking for 100-continue, a round trip for bodies over 1 MiB.
        headers = curl_slist_append(headers, "Expect:")
        for (name, value) in call.headers { headers = curl_slist_append(headers, "\(name): \(value)") }
        if let bearer = call.bearer { headers = curl_slist_append(headers, "Authorization: Bearer \(bearer.reveal())") }
        _ = ccurl_set_headers(easy, headers)
    }

    // MARK: Callbacks, on the driver's thread

    func readBody(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(target.count, call.body.count - sent)
        call.body.withUnsafeBytes { body in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: body[sent..<(sent + count)]))
        }
        sent += count
        return count
    }

    func take(headerLine bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Self.headerBytesMax else { return refuse("response headers larger than 64 KiB") }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            status = Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
            return true
        }
        let trimmed = line.trimmingSuffix { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }
        guard !trimmed.isEmpty else {
            if status >= 200 {
                noteNews()
                queued.append(.head(status: status, contentType: contentType, retryAfterMs: retryAfterMs))
            }
            return true
        }
        guard let colon = trimmed.firstIndex(of: ":") else { return true }
        let value = trimmed[trimmed.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        switch trimmed[..<colon].lowercased() {
        case "content-type": contentType = String(value)
        case "retry-after-ms": retryAfterMs = Int64(value)
        case "retry-after": retryAfterMs = retryAfterMs ?? Self.wait(String(value))
        case "content-encoding" where value.lowercased() != "identity": return refuse("compressed response")
        default: break
        }
        return true
    }

    func take(bytes: UnsafeRawBufferPointer) {
        noteNews()
        arrived += bytes
    }

    private func noteNews() {
        guard !hasNews else { return }
        hasNews = true
        onNews(self)
    }

    /// Moves what has arrived behind the events already queued.
    func collect() -> [UpstreamEvent] {
        hasNews = false
        if !arrived.isEmpty {
            queued.append(.bytes(arrived))
            arrived = []
        }
        defer { queued.removeAll(keepingCapacity: true) }
        return queued
    }

    private func refuse(_ reason: String) -> Bool {
        refusal = reason
        return false
    }

    /// Seconds, or an HTTP date (RFC 9110 §10.2.3), as milliseconds from now.
    private static func wait(_ value: String) -> Int64? {
        if let seconds = Double(value), seconds >= 0, seconds < 1e9 { return Int64(seconds * 1000) }
        let date = curl_getdate(value, nil)
        return date > 0 ? max(0, Int64(date - time(nil)) * 1000) : nil
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while matches: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, matches(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}

private func transfer(_ pointer: UnsafeMutableRawPointer?) -> CurlTransfer {
    guard let pointer else { preconditionFailure("libcurl called back without its data pointer") }
    return Unmanaged<CurlTransfer>.fromOpaque(pointer).takeUnretainedValue()
}

private let giveBytes: ccurl_data_callback = { target, size, count, me in
    transfer(me).readBody(into: UnsafeMutableRawBufferPointer(start: target, count: size * count))
}

private let takeHeader: ccurl_data_callback = { bytes, size, count, me in
    transfer(me).take(headerLine: UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private let takeBytes: ccurl_data_callback = { bytes, size, count, me in
    transfer(me).take(bytes: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private let openSocket: ccurl_open_socket_callback = { me, _, address in
    guard let address else { return CURL_SOCKET_BAD }
    let current = transfer(me)
    let permitted = withUnsafePointer(to: &address.pointee.addr) { current.policy.permits($0) }
    guard permitted else {
        current.refusal = "address not allowed for this provider"
        return CURL_SOCKET_BAD
    }
    return ccurl_socket(address)
}
