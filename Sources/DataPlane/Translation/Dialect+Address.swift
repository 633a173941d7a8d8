package import GatewayModel
package import PlaneContract

/// Where a request goes, and with which headers.
extension Dialect {
    /// The API version for Azure's older style when the provider does not set one.
    static let apiVersionDefault = "2024-10-21"

    /// - Parameter model: the upstream name of the model, or of Azure's deployment.
    package func url(of provider: ProviderEntry, _ operation: Operation, model: String) -> String {
        switch (wire, address) {
        case (.anthropic, _): return provider.baseURL + "/messages"
        case (.openAI, .path):
            let version = provider.apiVersion.map { "?api-version=" + Self.escaped($0) } ?? ""
            return provider.baseURL + operation.path + version
        case (.openAI, .deployments):
            return provider.baseURL + "/deployments/" + Self.escaped(model) + operation.path + "?api-version="
                + Self.escaped(provider.apiVersion ?? Self.apiVersionDefault)
        }
    }

    /// The header that carries the credential.
    package func credentialHeader(_ credential: Secret) -> (name: String, value: Secret) {
        switch authentication {
        case .bearer: ("Authorization", Secret("Bearer " + credential.reveal()))
        case .header(let name): (name, credential)
        }
    }

    /// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                out.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                out += (hex.count == 1 ? "%0" : "%") + hex
            }
        }
        return out
    }
}
