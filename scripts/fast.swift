// Appended to Package.swift by scripts/fast.sh: only targets that need no package of others stay. In cryptography's place
// stands what the fuzzer uses; tests that compare with real cryptography are left out.
let standIn = Target.target(name: "Crypto", path: "Tests/Fuzz/StandIn")
let left = ["KeyMaterialTests", "ResponseCacheTests"]

@MainActor func needed(_ dependency: Target.Dependency) -> String? {
    switch dependency {
    case .targetItem(let name, _), .byNameItem(let name, _): name
    case .productItem("Crypto", _, _, _): standIn.name
    default: nil
    }
}

let here = Dictionary(uniqueKeysWithValues: (package.targets + [standIn]).map { ($0.name, $0) })

@MainActor func needsNoPackage(_ name: String) -> Bool {
    guard let target = here[name], !left.contains(name) else { return false }
    return target.dependencies.allSatisfy { needed($0).map { needsNoPackage($0) } ?? false }
}

package.targets = package.targets.filter { $0.type != .executable && needsNoPackage($0.name) } + [standIn]
for target in package.targets {
    target.dependencies = target.dependencies.compactMap { needed($0).map { .byName(name: $0) } }
}
package.products = []
package.dependencies = []
