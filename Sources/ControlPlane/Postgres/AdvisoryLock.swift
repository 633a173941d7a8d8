/// Advisory locks that more than one part takes, by their numbers.
package enum AdvisoryLock {
    /// Held shared while a credential is sealed at rest; a rotation takes it exclusively to drop a KEK.
    package static let sealing = "7283910457"
}
