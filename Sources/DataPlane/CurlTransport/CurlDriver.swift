internal import CCurl
internal import Foundation
internal import Glibc
internal import NIOConcurrencyHelpers
package import NIOCore

/// Carries out transfers for one event loop: one thread, one libcurl multi handle, one epoll set.
///
/// `curl_multi_socket_action` costs the same however many streams are open, where `curl_multi_poll` grows with them.
/// Commands come in through an inbox that wakes the thread only when it was empty; events go back in one `execute` a turn.
/// Everything libcurl owns is touched by the thread alone; no function of libcurl is called from anywhere else.
package final class CurlDriver: @unchecked Sendable {
    /// How long a transfer nobody listens to may take to end by itself, so that its connection can be used again.
    static let releaseGraceMs: Int64 = 2_000
    static let connectionsKept = 4_096
    private static let eventsPerTurn = 256

    private enum Command {
        case start(CurlTransfer)
        case cancel(TransferID)
        case release(TransferID)
        case pause(TransferID)
        case resume(TransferID)
        case stop
    }

    private let eventLoop: any EventLoop
    private let lock = NIOLock()
    private var inbox: [Command] = []
    private var lastID: UInt64 = 0

    // Owned by the thread.
    private let multi: UnsafeMutableRawPointer
    private let epoll: Int32
    private let wakeup: Int32
    private var idle: [UnsafeMutableRawPointer] = []
    private var running: [TransferID: CurlTransfer] = [:]
    private var byHandle: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    private var timerAtMs: Int64?
    private var released: Set<TransferID> = []
    private var news: [CurlTransfer] = []
    private var stopping = false

    package init(for eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        _ = Self.globalInit
        guard let multi = curl_multi_init() else { preconditionFailure("out of memory for libcurl") }
        self.multi = multi
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(epoll >= 0 && wakeup >= 0, "out of file descriptors at start")
        var event = epoll_event(events: EPOLLIN.rawValue, data: .init(fd: wakeup))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
        installCallbacks()
        Thread.detachNewThread { self.run() }
    }

    private static let globalInit: Void = { _ = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()

    // MARK: From the event loop

    /// Starts a transfer; `deliver` gets its events on the event loop, in order, and none after `cancel` or `release`
    /// took effect there.
    package func start(_ call: UpstreamCall, deliver: @escaping (UpstreamEvent) -> Void) -> TransferID {
        lastID += 1
        let id = TransferID(number: lastID)
        send(.start(CurlTransfer(id: id, call: call, deliver: deliver)))
        return id
    }

    package func cancel(_ id: TransferID) { send(.cancel(id)) }
    package func release(_ id: TransferID) { send(.release(id)) }
    package func pause(_ id: TransferID) { send(.pause(id)) }
    package func resume(_ id: TransferID) { send(.resume(id)) }
    package func stop() { send(.stop) }

    private func send(_ command: Command) {
        let wasEmpty = lock.withLock {
            inbox.append(command)
            return inbox.count == 1
        }
        if wasEmpty { eventfd_write(wakeup, 1) }
    }

    // MARK: On the thread

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerTurn)
        var active: Int32 = 0
        while !stopping {
            let count = epoll_wait(epoll, &events, Int32(events.count), epollTimeout())
            for event in events.prefix(Int(max(0, count))) {
                if event.data.fd == wakeup { carryOutCommands() } else { act(on: event, &active) }
            }
            if let due = timerAtMs, due <= Self.nowMs() {
                timerAtMs = nil
                curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &active)
            }
            deliver(finished: finishedTransfers())
        }
        for transfer in running.values { remove(transfer) }
        curl_multi_cleanup(multi)
        close(epoll)
        close(wakeup)
    }

    private func act(on event: epoll_event, _ active: inout Int32) {
        var mask: Int32 = 0
        if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
        if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
        if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
        curl_multi_socket_action(multi, event.data.fd, mask, &active)
    }

    private func carryOutCommands() {
        var count: eventfd_t = 0
        eventfd_read(wakeup, &count)
        let commands = lock.withLock {
            let all = inbox
            inbox.removeAll(keepingCapacity: true)
            return all
        }
        for command in commands { carryOut(command) }
    }

    private func carryOut(_ command: Command) {
        switch command {
        case .start(let transfer):
            guard let easy = idle.popLast() ?? curl_easy_init() else {
                preconditionFailure("out of memory for libcurl")
            }
            transfer.configure(easy)
            transfer.onNews = { [unowned self] in news.append($0) }
            running[transfer.id] = transfer
            byHandle[easy] = transfer
            curl_multi_add_handle(multi, easy)
        case .cancel(let id): if let transfer = running[id] { remove(transfer) }
        case .release(let id):
            guard let transfer = running[id] else { return }
            transfer.releasedUntil = Self.nowMs() + Self.releaseGraceMs
            released.insert(id)
        case .pause(let id): if let easy = running[id]?.easy { curl_easy_pause(easy, CURLPAUSE_RECV) }
        case .resume(let id): if let easy = running[id]?.easy { curl_easy_pause(easy, CURLPAUSE_CONT) }
        case .stop: stopping = true
        }
    }

    /// Takes a transfer out. An unfinished one loses its connection; a finished one leaves it to the pool.
    private func remove(_ transfer: CurlTransfer) {
        running[transfer.id] = nil
        released.remove(transfer.id)
        guard let easy = transfer.easy else { return }
        byHandle[easy] = nil
        transfer.easy = nil
        curl_multi_remove_handle(multi, easy)
        curl_easy_reset(easy)
        idle.append(easy)
    }

    private func finishedTransfers() -> [(CurlTransfer, UpstreamEvent)] {
        var finished: [(CurlTransfer, UpstreamEvent)] = []
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = byHandle[easy]
            else { continue }
            finished.append((transfer, Self.end(of: transfer, easy, ccurl_message_result(message))))
        }
        if !released.isEmpty {
            let now = Self.nowMs()
            for transfer in released.compactMap({ running[$0] }) where (transfer.releasedUntil ?? now) <= now {
                remove(transfer)
            }
        }
        return finished
    }

    private static func end(of transfer: CurlTransfer, _ easy: UnsafeMutableRawPointer, _ code: CURLcode)
        -> UpstreamEvent
    {
        guard code != CURLE_OK else { return .ended }
        let reason = transfer.refusal ?? String(cString: curl_easy_strerror(code))
        return ccurl_request_bytes(easy) == 0 ? .notSent(reason) : .broke(reason)
    }

    /// Hands this turn's events to the event loop, all in one go.
    private func deliver(finished: [(CurlTransfer, UpstreamEvent)]) {
        var batch: [(CurlTransfer, [UpstreamEvent])] = []
        let ends = Dictionary(finished.map { ($0.0.id, $0.1) }) { first, _ in first }
        let touched = news + finished.map(\.0).filter { !$0.hasNews }
        news.removeAll(keepingCapacity: true)
        for transfer in touched {
            var events = transfer.collect()
            if let end = ends[transfer.id] { events.append(end) }
            if !events.isEmpty, transfer.releasedUntil == nil { batch.append((transfer, events)) }
        }
        for (transfer, _) in finished { remove(transfer) }
        guard !batch.isEmpty else { return }
        let delivery = batch
        eventLoop.execute {
            for (transfer, events) in delivery { for event in events { transfer.deliver(event) } }
        }
    }

    private func epollTimeout() -> Int32 {
        guard let due = timerAtMs else { return 1_000 }
        return Int32(clamping: min(max(0, due - Self.nowMs()), 1_000))
    }

    private static func nowMs() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    private func installCallbacks() {
        let me = Unmanaged.passUnretained(self).toOpaque()
        _ = ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.connectionsKept)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, me)
        _ = ccurl_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
        _ = ccurl_multi_set_socket_callback(multi) { _, socket, what, me, known in
            guard let me else { return 0 }
            Unmanaged<CurlDriver>.fromOpaque(me).takeUnretainedValue().watch(socket, what, isKnown: known != nil)
            return 0
        }
        _ = ccurl_multi_set_timer_callback(multi) { _, milliseconds, me in
            guard let me else { return 0 }
            let driver = Unmanaged<CurlDriver>.fromOpaque(me).takeUnretainedValue()
            driver.timerAtMs = milliseconds < 0 ? nil : CurlDriver.nowMs() + Int64(milliseconds)
            return 0
        }
    }

    private func watch(_ socket: curl_socket_t, _ what: Int32, isKnown: Bool) {
        var event = epoll_event(events: 0, data: .init(fd: socket))
        guard what != CURL_POLL_REMOVE else {
            epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event)
            return
        }
        if what & CURL_POLL_IN != 0 { event.events |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { event.events |= EPOLLOUT.rawValue }
        epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event)
        if !isKnown { curl_multi_assign(multi, socket, UnsafeMutableRawPointer(bitPattern: 1)) }
    }
}
