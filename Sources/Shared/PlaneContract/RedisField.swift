/// The fields of the hashes in `RedisKeys` that are read by name.
///
/// The limiter (`LimitScripts/Lua`) writes them all but `format`.
package enum RedisField {
    /// Of a snapshot or a key record.
    package static let version = "v"
    /// The JSON of a snapshot or a key record.
    package static let record = "record"
    /// Of `RedisKeys.versions`: the shard's generation; absent while its counters are lost.
    package static let generation = "gen"
    /// Of `RedisKeys.keySetComplete`.
    package static let format = "form"
}
