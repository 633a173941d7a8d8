import CurlTransport
import Reactor
import Testing

@Suite struct AddressPolicyTests {
    private func permits(_ address: String, allowed: [String] = []) -> Bool {
        PeerAddress(address).map { AddressPolicy(allowedNetworks: allowed).permits($0) } ?? false
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
}
