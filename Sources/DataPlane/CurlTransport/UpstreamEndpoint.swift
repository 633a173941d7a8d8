internal import CCurl
package import GatewayModel
internal import Glibc

/// A provider's endpoint with everything prepared once: URL, fixed headers, credential and reusable libcurl handles.
///
/// Confined to one reactor.
package final class UpstreamEndpoint {
    /// Idle handles to keep; one costs about 10 KiB.
    private static let handlesKept = 128

    let url: String
    let policy: AddressPolicy
    let allowsPlainHTTP: Bool
    let connectMs: Int
    /// The shared tail of every transfer's header list; libcurl only reads it.
    let headers: UnsafeMutablePointer<curl_slist>?
    private var idle: [CurlTransfer] = []
    private var isRetired = false
    /// The last address that was permitted, as libcurl spells it.
    private var permittedAddress: [CChar] = []

    /// - Parameter allowedNetworks: networks outside the public internet that it may connect to. Plain `http` is
    ///   allowed only into these.
    package init(
        url: String, headers: [(String, String)], credential: (name: String, value: Secret)?,
        allowedNetworks: [String], connectMs: Int
    ) {
        self.url = url
        self.connectMs = connectMs
        allowsPlainHTTP = !allowedNetworks.isEmpty
        policy = AddressPolicy(allowedNetworks: allowedNetworks, url: url)
        // An empty `Expect:` keeps libcurl from waiting for 100-continue, a round trip for bodies over 1 MiB.
        var list = curl_slist_append(nil, "Expect:")
        for (name, value) in headers { list = curl_slist_append(list, "\(name): \(value)") }
        if let credential { list = curl_slist_append(list, "\(credential.name): \(credential.value.reveal())") }
        self.headers = list
    }

    deinit { curl_slist_free_all(headers) }

    func permitted(before address: UnsafePointer<CChar>) -> Bool {
        permittedAddress.withUnsafeBufferPointer { known in
            guard let base = known.baseAddress, !known.isEmpty else { return false }
            return strcmp(base, address) == 0
        }
    }

    func notePermitted(_ address: UnsafePointer<CChar>) {
        permittedAddress = Array(UnsafeBufferPointer(start: address, count: strlen(address) + 1))
    }

    func idleHandle() -> CurlTransfer? { idle.popLast() }

    func recycle(_ transfer: CurlTransfer) {
        if !isRetired, idle.count < Self.handlesKept { idle.append(transfer) }
    }

    /// Releases the idle handles, since no new request will be sent here. Running transfers are not affected.
    package func retire() {
        isRetired = true
        idle.removeAll()
    }
}
