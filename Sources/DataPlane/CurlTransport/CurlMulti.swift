internal import CCurl
internal import GatewayModel
internal import Glibc
package import Reactor

/// Runs libcurl's multi interface on a reactor's epoll set, so that a request and its transfers share a thread.
///
/// The cost of `curl_multi_socket_action` does not depend on the number of open streams, unlike that of
/// `curl_multi_poll`. libcurl must not be called from its own callbacks, so events are queued until the end of the
/// turn.
package final class CurlMulti: TurnHook {
    /// How long a released transfer may take to end by itself, so that its connection can be reused.
    static let releaseGraceMs: Int64 = 2_000
    private static let connectionsKept = 4_096
    /// How often a turn's end may start, send and deliver before the next turn.
    private static let roundsPerTurn = 4

    let reactor: Reactor
    private let multi: UnsafeMutableRawPointer
    private var sockets: [Int32: CurlSocket] = [:]
    private var timerAtMs = Int64.max
    private var transfersWithEvents: [CurlTransfer] = []
    /// A reusable buffer for `transfersWithEvents`.
    private var spareList: [CurlTransfer] = []
    private var released = 0

    package init(on reactor: Reactor) {
        self.reactor = reactor
        _ = Self.globalInit
        guard let multi = curl_multi_init() else { preconditionFailure("out of memory for libcurl") }
        self.multi = multi
        installCallbacks()
        reactor.add(self)
    }

    private static let globalInit: Void = { _ = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

    // MARK: Transfers

    /// Starts a transfer. `deliver` receives its events in order, and none after `cancel` or `release`.
    package func start(_ call: UpstreamCall, deliver: @escaping (UpstreamEvent) -> Void) -> UpstreamTransfer {
        let transfer = call.endpoint.idleHandle() ?? CurlTransfer(for: call.endpoint, of: self)
        transfer.begin(call, deliver: deliver)
        curl_multi_add_handle(multi, transfer.easy)
        return UpstreamTransfer(transfer: transfer, use: transfer.uses)
    }

    /// Removes a transfer from libcurl. An unfinished one loses its connection; a finished one returns it to the pool.
    func remove(_ transfer: CurlTransfer) {
        guard transfer.isRunning else { return }
        curl_multi_remove_handle(multi, transfer.easy)
        if transfer.releasedUntilMs != nil { released -= 1 }
        transfer.finish()
        transfer.endpoint.recycle(transfer)
    }

    func release(_ transfer: CurlTransfer) {
        guard transfer.releasedUntilMs == nil else { return }
        released += 1
        transfer.releasedUntilMs = reactor.nowMs + Self.releaseGraceMs
        let use = transfer.uses
        reactor.after(Self.releaseGraceMs) { [weak self, weak transfer] in
            guard let self, let transfer, transfer.uses == use else { return }
            remove(transfer)
        }
    }

    func hasEvents(_ transfer: CurlTransfer) { transfersWithEvents.append(transfer) }

    // MARK: Turns

    package var dueMs: Int64 { transfersWithEvents.isEmpty ? timerAtMs : 0 }

    package func turnEnds() {
        for _ in 0..<Self.roundsPerTurn {
            if timerAtMs <= reactor.nowMs {
                timerAtMs = .max
                var active: Int32 = 0
                curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &active)
            }
            collectFinished()
            guard !transfersWithEvents.isEmpty else { return }
            // Delivering may produce more news.
            var batch = spareList
            spareList = []
            swap(&batch, &transfersWithEvents)
            for transfer in batch { deliver(transfer) }
            batch.removeAll(keepingCapacity: true)
            spareList = batch
        }
    }

    private func collectFinished() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let pointer = ccurl_private(easy)
            else { continue }
            let transfer = Unmanaged<CurlTransfer>.fromOpaque(pointer).takeUnretainedValue()
            transfer.ended(with: ccurl_message_result(message))
        }
    }

    private func deliver(_ transfer: CurlTransfer) {
        let use = transfer.uses
        let isOver = transfer.isOver
        for event in transfer.collect() {
            guard transfer.uses == use, transfer.isRunning else { return }
            if transfer.releasedUntilMs == nil { transfer.deliver?(event) }
        }
        guard transfer.uses == use else { return }
        if isOver { remove(transfer) } else { transfer.resumeIfFull() }
    }

    // MARK: Sockets

    fileprivate func act(on descriptor: Int32, _ readiness: Readiness) {
        var mask: Int32 = 0
        if readiness.has(.readable) { mask |= CURL_CSELECT_IN }
        if readiness.has(.writable) { mask |= CURL_CSELECT_OUT }
        if readiness.has(.hungUp) { mask |= CURL_CSELECT_ERR }
        var active: Int32 = 0
        curl_multi_socket_action(multi, descriptor, mask, &active)
    }

    private func watch(_ descriptor: Int32, _ what: Int32) {
        var wanted = Readiness.none
        if what & CURL_POLL_IN != 0, what != CURL_POLL_REMOVE { wanted = wanted | .readable }
        if what & CURL_POLL_OUT != 0, what != CURL_POLL_REMOVE { wanted = wanted | .writable }
        let known = sockets[descriptor]
        let socket = known ?? CurlSocket(descriptor, of: self)
        if known == nil { sockets[descriptor] = socket }
        socket.want(wanted)
        // libcurl closes sockets it opened itself, such as its resolver's, without calling `closeSocket`.
        if what == CURL_POLL_REMOVE, !socket.isOwned { closed(descriptor) }
    }

    func opened(_ descriptor: Int32, for transfer: CurlTransfer) {
        let socket = CurlSocket(descriptor, of: self)
        socket.isOwned = true
        socket.opener = transfer
        sockets[descriptor] = socket
    }

    func closed(_ descriptor: Int32) {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return }
        socket.unwatch()
        if Socket.isConnected(descriptor) { socket.opener?.hadConnection = true }
    }

    private func installCallbacks() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.connectionsKept)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
        _ = ccurl_multi_set_socket_callback(multi) { _, socket, what, me, _ in
            guard let me else { return 0 }
            Unmanaged<CurlMulti>.fromOpaque(me).takeUnretainedValue().watch(socket, what)
            return 0
        }
        _ = ccurl_multi_set_timer_callback(multi) { _, milliseconds, me in
            guard let me else { return 0 }
            let multi = Unmanaged<CurlMulti>.fromOpaque(me).takeUnretainedValue()
            multi.timerAtMs = milliseconds < 0 ? .max : multi.reactor.nowMs + Int64(milliseconds)
            return 0
        }
    }
}

/// A socket of libcurl in the reactor.
///
/// libcurl unsubscribes at the end of every transfer and subscribes again at the start of the next one. The descriptor
/// stays watched in between, which saves two system calls per request.
private final class CurlSocket: EventSource {
    private let descriptor: Int32
    private unowned let multi: CurlMulti
    var isOwned = false
    weak var opener: CurlTransfer?
    private var wanted = Readiness.none
    /// What the reactor watches for; `nil` if it does not watch the descriptor.
    private var watched: Readiness?

    init(_ descriptor: Int32, of multi: CurlMulti) {
        self.descriptor = descriptor
        self.multi = multi
    }

    func want(_ interest: Readiness) {
        wanted = interest
        guard interest != .none, interest != watched else { return }
        if watched == nil {
            multi.reactor.watch(descriptor, for: interest, self)
        } else {
            multi.reactor.change(descriptor, to: interest)
        }
        watched = interest
    }

    func unwatch() {
        if watched != nil { multi.reactor.unwatch(descriptor) }
        watched = nil
        wanted = .none
    }

    func ready(_ readiness: Readiness) {
        // An event on an idle connection: libcurl notices it when it next uses the connection.
        guard wanted != .none else { return unwatch() }
        multi.act(on: descriptor, readiness)
    }

    func deadlineReached() {}
}

/// A handle on a running transfer. It has no effect once the transfer is over.
package struct UpstreamTransfer {
    let transfer: CurlTransfer
    let use: UInt64

    private var current: CurlTransfer? { transfer.uses == use && transfer.isRunning ? transfer : nil }

    /// Ends the transfer at once and closes its connection. No event follows.
    package func cancel() { if let current { current.multi.remove(current) } }
    /// The answer is complete; the transfer may end by itself within a short time.
    package func release() { if let current { current.multi.release(current) } }
    /// Stops reading from the provider until `resume`; TCP then slows it down.
    package func pause() { if let current { current.setPaused(true) } }
    /// Continues to read after `pause`.
    package func resume() { if let current { current.setPaused(false) } }
}
