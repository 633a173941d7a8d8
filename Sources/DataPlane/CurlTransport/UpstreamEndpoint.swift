internal import CCurl
package import GatewayModel
internal import Glibc

/// One place to send requests to, prepared once: address, fixed headers, credential, and handles of libcurl that have been
/// there before. Belongs to one reactor.
package final class UpstreamEndpoint {
    /// Handles kept for the next request; one costs about 10 KiB.
    private static let handlesKept = 128

    let url: String
    let policy: AddressPolicy
    let allowsPlainHTTP: Bool
    let connectMs: Int
    /// Ends every transfer's own header list; curl only reads it.
    let headers: UnsafeMutablePointer<curl_slist>?
    private var idle: [CurlTransfer] = []
    private var isRetired = false
    /// The last address that was judged and found permitted, as libcurl names it.
    private var permittedAddress: [CChar] = []

    /// - Parameter allowedNetworks: networks outside the public internet it may connect to; `http` is spoken into
    ///   these alone.
    package init(
        url: String, headers: [(String, String)], credential: (name: String, value: Secret)?,
        allowedNetworks: [String], connectMs: Int
    ) {
        self.url = url
        self.connectMs = connectMs
        allowsPlainHTTP = !allowedNetworks.isEmpty
        policy = AddressPolicy(allowedNetworks: allowedNetworks, url: url)
        // An empty `Expect:` keeps libcurl from asking for 100-continue, a round trip for bodies over 1 MiB.
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

    func takeHandle() -> CurlTransfer? { idle.popLast() }

    func giveBack(_ transfer: CurlTransfer) {
        if !isRetired, idle.count < Self.handlesKept { idle.append(transfer) }
    }

    /// Nothing new will be sent there: lets its handles go. Transfers under way are not touched.
    package func retire() {
        isRetired = true
        idle.removeAll()
    }
}
