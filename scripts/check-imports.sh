#!/usr/bin/env bash
# Proves that the source imports what Package.swift allows and nothing else:
# - a target imports only its declared dependencies, and declares none it does not import;
# - the planes never import each other, and Shared imports neither; pure targets import no NIO, no Hummingbird, no C;
# - each C library is imported by its one wrapper target.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

swift package --skip-update describe --type json 2>/dev/null | python3 -c '
import json, pathlib, re, sys

PURE = {"GatewayModel", "PlaneContract", "JSONScan", "HTTPCodec", "EventStream", "ProviderResponses", "Translation", "Routing",
        "Admission", "ResponseCache", "RequestWalk", "AdminCore", "InboundFormats"}
IMPURE = re.compile(r"NIO|Hummingbird|^C[A-Z]|Glibc|Posix")
WRAPPERS = {"CPQ": "Postgres", "CCurl": "CurlTransport", "CHiredis": "Redis", "CLinux": "Reactor", "CSSL": "TLS"}
SYSTEM = {"Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Testing"}
IMPORT = re.compile(r"^(?:@\w+\s+)?(?:package |internal |public |private )?import (?:struct |func |class )?(\w+)", re.M)

flaws = []
targets = {t["name"]: t for t in json.load(sys.stdin)["targets"]}
plane = {name: pathlib.Path(t["path"]).parts[1] for name, t in targets.items() if t["path"].startswith("Sources/")}
for name, target in targets.items():
    declared = set(target.get("target_dependencies", [])) | set(target.get("product_dependencies", []))
    imported = set()
    for file in pathlib.Path(target["path"]).rglob("*.swift"):
        for module in IMPORT.findall(file.read_text()):
            imported.add(module)
            if module not in declared | SYSTEM | {name}:
                flaws.append(f"{file}: imports {module}, which {name} does not declare")
            if name in PURE and IMPURE.search(module):
                flaws.append(f"{file}: {name} is pure and imports {module}")
            if module in WRAPPERS and WRAPPERS[module] != name:
                flaws.append(f"{file}: {module} belongs to {WRAPPERS[module]} alone")
            if {plane.get(name), plane.get(module)} == {"DataPlane", "ControlPlane"}:
                flaws.append(f"{file}: {name} and {module} are of different planes")
            if plane.get(name) == "Shared" and plane.get(module, "Shared") != "Shared":
                flaws.append(f"{file}: {name} is shared and imports {module} of {plane[module]}")
    if target["type"] != "system-target":
        flaws += [f"Package.swift: {name} declares {unused} and never imports it" for unused in sorted(declared - imported)]
print("\n".join(flaws) or f"imports of {len(targets)} targets are as declared")
sys.exit(bool(flaws))
'
