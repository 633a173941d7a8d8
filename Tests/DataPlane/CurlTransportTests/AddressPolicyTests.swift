import CurlTransport
import Reactor
import Testing

@Suite struct AddressPolicyTests {
    private func permits(_ address: String, allowed: [String] = [], url: String = "https://host/v1") -> Bool {
        PeerAddress(address).map { AddressPolicy(allowedNetworks: allowed, url: url).permits($0) } ?? false
    }

    @Test("lets public addresses pass", arguments: ["8.8.8.8", "172.32.0.1", "2001:4860:4860::8888", "100.128.0.1"])
    func publicOnes(address: String) { #expect(permits(address)) }

    @Test(
        "keeps inward addresses out unless they are named",
        arguments: [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "::1", "fd00::1",
            "::ffff:10.0.0.1",
        ])
    func inward(address: String) { #expect(!permits(address)) }

    @Test(
        "an IPv4 address that stands in an IPv6 one is judged as well: compatible, NAT64, 6to4, Teredo",
        arguments: [
            "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
            "2001:0:a00:1::f7f7:f7f7", "2001:0:808:808::80ff:fffe", "64:ff9b:1::808:808",
        ])
    func embedded(address: String) { #expect(!permits(address)) }

    @Test(
        "and what it stands for may be public, or opened",
        arguments: ["64:ff9b::8.8.8.8", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"])
    func embeddedPublic(address: String) { #expect(permits(address)) }

    @Test("opens exactly the networks named")
    func named() {
        #expect(permits("127.0.0.1", allowed: ["127.0.0.0/8"]) && !permits("10.0.0.1", allowed: ["127.0.0.0/8"]))
        #expect(permits("10.1.2.3", allowed: ["10.1.2.2/31"]) && !permits("10.1.2.4", allowed: ["10.1.2.2/31"]))
        #expect(permits("::ffff:127.0.0.1", allowed: ["127.0.0.0/8"]))
    }

    @Test(
        "never reaches metadata services, even when named",
        arguments: [
            "169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "255.255.255.255", "100.100.100.200",
            "192.0.0.192", "64:ff9b::169.254.169.254",
        ])
    func metadata(address: String) {
        #expect(!permits(address, allowed: ["169.254.0.0/16", "fe80::/10", "0.0.0.0/0", "::/0"]))
    }

    @Test(
        "reaches Azure's and Google's by their own address alone",
        arguments: ["168.63.129.16", "fd20:ce::254", "::ffff:168.63.129.16", "64:ff9b::168.63.129.16"])
    func metadataUnlessNamed(address: String) {
        #expect(!permits(address))
        #expect(!permits(address, allowed: ["0.0.0.0/0", "::/0", "168.63.129.16/31", "fd20:ce::254/127", "fd00::/8"]))
        #expect(permits(address, allowed: ["168.63.129.16/32", "fd20:ce::254"]))
    }

    @Test(
        "without TLS it connects into the networks named and nowhere else",
        arguments: ["http://host/v1", "HTTP://host/v1", "host/v1", "httpsx://host"])
    func plain(url: String) {
        let allowed = ["10.0.0.0/8", "8.8.4.0/24"]
        for address in ["8.8.8.8", "2001:4860:4860::8888", "192.168.1.1", "64:ff9b::10.0.0.1"] {
            #expect(!permits(address, allowed: allowed, url: url))
        }
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "8.8.4.4"] {
            #expect(permits(address, allowed: allowed, url: url))
        }
        #expect(permits("8.8.8.8", allowed: allowed, url: "HTTPS://host/v1"))
        #expect(!permits("127.0.0.1", allowed: ["10.0.0.0/8", "0.0.0.0/32"], url: url))
    }
}
