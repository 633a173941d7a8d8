package import ResponseCache

/// How one request uses the cache.
package struct CacheUse: Sendable {
    /// The values of `x-aihub-cache`.
    package enum Word: String, Sendable { case hit, miss, bypass }

    enum State: Sendable {
        /// The cache has not answered yet, or an identical request that is already running has not finished.
        case asking
        case hit(CachedResponse)
        /// A deployment answers, and its answer may be cached.
        case miss
        case unavailable
    }

    let key: CacheKey
    var policy: CachePolicy
    var state: State
    /// The response head was sent before the outcome was known, so a trailer carries it.
    var isToldInTrailer = false

    var word: Word {
        switch state {
        case .hit: .hit
        case .miss: .miss
        case .asking, .unavailable: .bypass
        }
    }
}

/// What the cache needs to know about an alias or a model.
struct NameInCache {
    /// A digest of the name's definition.
    var definition: [UInt8]
    /// How long answers are kept, in seconds; `nil` uses the default, 0 disables caching.
    var seconds: Int64?
}

/// Cache state shared by the walks of one event loop, and confined to that loop.
package final class WalkCache {
    /// Bytes of running streams buffered for the cache, over all walks of the loop. Beyond it streams still run but are
    /// not cached.
    package static let keptBytesMax = 64 << 20

    private(set) var secrets: CacheSecrets
    let defaultSeconds: Int64
    private var keptBytes = 0

    /// - Parameter defaultSeconds: how long answers are kept where neither the key nor the name sets it.
    package init(_ secrets: CacheSecrets, defaultSeconds: Int64) {
        self.secrets = secrets
        self.defaultSeconds = defaultSeconds
    }

    /// Derives cache keys from these secrets from now on. Answers cached under the old ones are no longer found.
    package func use(_ secrets: CacheSecrets) { self.secrets = secrets }

    func take(_ bytes: Int) -> Bool {
        guard keptBytes + bytes <= Self.keptBytesMax else { return false }
        keptBytes += bytes
        return true
    }

    func giveBack(_ bytes: Int) { keptBytes -= bytes }
}
