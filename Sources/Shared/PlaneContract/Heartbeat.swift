/// A value of `RedisKeys.heartbeats`: when the owner was last heard from, as the limiter's `heartbeat` writes it.
package struct Heartbeat: Equatable, Sendable {
    /// In milliseconds of Redis's clock.
    package let atMs: Int64
    /// The owner admits requests without asking Redis: `!` follows the time.
    ///
    /// So does the mark of a newer release, whatever it says, because it may mean no less.
    package let isCutOff: Bool

    /// - Returns: `nil` for text that does not begin with a time.
    package init?(_ text: String) {
        let digits = text.prefix { $0.isNumber }
        guard let atMs = Int64(digits) else { return nil }
        self.atMs = atMs
        isCutOff = digits.endIndex != text.endIndex
    }
}
