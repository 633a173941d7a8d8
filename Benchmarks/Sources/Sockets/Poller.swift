import CSystem
import Glibc

/// One epoll instance; it reports the sockets that are ready by their number.
package final class Poller {
    private static let batch = 512
    private let descriptor = epoll_create1(0)
    private let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Poller.batch)

    package init() {
        // By default Linux rounds a sleep up by 50 µs.
        sleep_to_the_nanosecond()
    }

    package func add(_ socket: Int32) { control(EPOLL_CTL_ADD, socket, writing: false) }

    /// Whether to report too that the socket takes bytes again.
    package func change(_ socket: Int32, writing: Bool) { control(EPOLL_CTL_MOD, socket, writing: writing) }

    private func control(_ operation: Int32, _ socket: Int32, writing: Bool) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | (writing ? EPOLLOUT.rawValue : 0)
        event.data.fd = socket
        epoll_ctl(descriptor, operation, socket, &event)
    }

    /// Waits until a socket is ready or `until` (of `now()`) has come.
    package func wait(until deadline: Int64, _ body: (Int32) -> Void) {
        let nanoseconds = max(0, min(deadline - now(), 1_000_000_000))
        var timeout = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        let count = epoll_pwait2(descriptor, events, Int32(Self.batch), &timeout, nil)
        for at in 0..<max(0, Int(count)) { body(events[at].data.fd) }
    }
}

/// Nanoseconds of the monotonic clock, which all processes of a machine share.
package func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
