"""Lists in the documents match the source."""

import re

from processes import ROOT


def source(path):
    return (ROOT / path).read_text()


def test_the_table_of_errors_is_closed():
    code = source("Sources/Shared/GatewayModel/GatewayError.swift")
    kinds = dict(re.findall(r'case (\w+) = "(\w+)"', code))
    statuses = {}
    body = code[code.index("package var status"):code.index("package var shouldRetry")]
    for names, status in re.findall(r"case ([^:]+): (\d+)", body):
        for name in re.findall(r"\.(\w+)", names):
            statuses[kinds[name]] = status
    documented = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", source("docs/errors.md"), re.M))
    assert documented == statuses and len(statuses) == len(kinds)


def test_every_setting_is_documented_and_no_other():
    for path, prefix in [("Sources/DataPlane/WorkerConfiguration/WorkerSettings.swift", "AIHUB_WORKER_"),
                         ("Sources/ControlPlane/ControlPlaneApp/ControlSettings.swift", "AIHUB_CONTROL_")]:
        read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', source(path)))
        documented = set(re.findall(rf"^\| `{prefix}([A-Z_]+)` \|", source("docs/configuration.md"), re.M))
        assert read == documented


def test_every_stage_and_target_is_where_the_architecture_says():
    for target in re.findall(r"^(?:Shared|DataPlane|ControlPlane| ) +([A-Z]\w+)  ", source("ARCHITECTURE.md"), re.M):
        assert list((ROOT / "Sources").glob(f"*/{target}")), target
    for file in re.findall(r"`(?:\w+/)+\w+\.\w+`", source("ARCHITECTURE.md")):
        path = file.strip("`")
        assert (ROOT / path).exists() or list((ROOT / "Sources").glob(f"*/{path}")) or (ROOT / "Sources" / path).exists(), path
