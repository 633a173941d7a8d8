internal import Glibc
package import Logging

/// The process's limit on open file descriptors (getrlimit(2), RLIMIT_NOFILE).
///
/// The soft limit inherited from a shell or service manager, often 1,024, is for programs that use select(2); this one
/// does not.
package enum DescriptorLimit {
    /// Descriptors per connection. With TLS three: the client's socket and both ends of the socket pair behind it.
    /// Without TLS one, plus one for the upstream request.
    package static let perConnection = 3

    /// Raises the soft limit to the hard one.
    ///
    /// - Returns: the limit now in force.
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        if limit.rlim_cur < limit.rlim_max {
            let before = limit.rlim_cur
            limit.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Raises the limit, and logs a warning when it is too low for `connections`.
    package static func raise(for connections: Int, log: Logger) {
        let limit = raise()
        guard limit < connections * perConnection else { return }
        log.warning(
            "too few file descriptors for the connections allowed: accepting will pause when they run out",
            metadata: [
                "descriptors": "\(limit)", "connections": "\(connections)",
                "wanted": "\(connections * perConnection)",
            ])
    }
}
