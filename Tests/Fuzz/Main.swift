import Foundation

/// One program for all targets: `FUZZ_TARGET` names the one to run.
private let targets: [String: @Sendable (FuzzInput) -> Void] = [
    "Cache": fuzzCache,
    "EventStream": fuzzEventStream,
    "InboundChat": fuzzInboundChat,
    "HTTPChunks": fuzzHTTPChunks,
    "HTTPHead": fuzzHTTPHead,
    "HubKey": fuzzHubKey,
    "JSON": fuzzJSON,
    "Provider": fuzzProvider,
    "ProxyHeader": fuzzProxyHeader,
    "RESP": fuzzRESP,
    "Snapshot": fuzzSnapshot,
    "Translation": fuzzTranslation,
    "Walk": fuzzWalk,
]

private let target: @Sendable (FuzzInput) -> Void = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = targets[name] else {
        fatalError("FUZZ_TARGET is none of \(targets.keys.sorted())")
    }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    target(FuzzInput(data, count))
    return 0
}
