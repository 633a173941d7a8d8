package import ResponseCache

/// How one request uses the cache.
package struct CacheUse: Sendable {
    /// What `x-aihub-cache` says.
    package enum Word: String, Sendable { case hit, miss, bypass }

    enum State: Sendable {
        /// The cache, or whoever is asking an engine the same, has not answered yet.
        case asking
        case hit(CachedAnswer)
        /// An engine answers, and what it says may be kept.
        case miss
        case unavailable
    }

    let key: CacheKey
    var policy: CachePolicy
    var state: State
    /// The head of the answer left before anything was known.
    var isToldInTrailer = false

    var word: Word {
        switch state {
        case .hit: .hit
        case .miss: .miss
        case .asking, .unavailable: .bypass
        }
    }
}

/// What the cache must know of an alias or a model.
struct NameInCache {
    /// A digest of what stands behind the name.
    var definition: [UInt8]
    /// How long its answers are kept; `nil` leaves that to others, 0 keeps none.
    var seconds: Int64?
}

/// What the walks of one event loop share of the cache; it belongs to that loop.
package final class WalkCache {
    /// Bytes of running streams that may be kept in the end, all walks of the loop together. Beyond it streams run as ever and
    /// are not kept.
    package static let keptBytesMax = 64 << 20

    private(set) var secrets: CacheSecrets
    let defaultSeconds: Int64
    private var keptBytes = 0

    /// - Parameter defaultSeconds: how long answers are kept where neither key nor name says.
    package init(_ secrets: CacheSecrets, defaultSeconds: Int64) {
        self.secrets = secrets
        self.defaultSeconds = defaultSeconds
    }

    /// Names answers under these from now on: what was kept under others is not found any more.
    package func use(_ secrets: CacheSecrets) { self.secrets = secrets }

    func take(_ bytes: Int) -> Bool {
        guard keptBytes + bytes <= Self.keptBytesMax else { return false }
        keptBytes += bytes
        return true
    }

    func giveBack(_ bytes: Int) { keptBytes -= bytes }
}
