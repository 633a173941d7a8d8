"""THIRD_PARTY.md lists what the project uses, and nothing else, each with a licence."""

import re

import pytest

from processes import ROOT


def listed(title):
    """The rows of one section: names, and what the other two columns say."""
    text = (ROOT / "THIRD_PARTY.md").read_text()
    section = text[text.index(f"\n## {title}\n") + 1:].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \|$", section, re.M)
    assert len(rows) == len(set(rows)) == section.count("\n| `"), "each row has three columns and stands once"
    return {name: (licence.strip(), where.strip()) for name, licence, where in rows}


def swift_packages():
    text = (ROOT / "Package.swift").read_text()
    urls = re.findall(r'\.package\(url: "([^"]+)", exact: "[\d.]+"\)', text)
    assert len(urls) == text.count(".package("), "every package has an exact version"
    return {url.removesuffix(".git").rsplit("/")[-1].lower() for url in urls}


def c_libraries():
    maps = [path.read_text() for path in (ROOT / "Sources").glob("*/*/module.modulemap")]
    assert maps
    return {name for text in maps for name in re.findall(r'link "(\w+)"', text)}


def debian_packages():
    text = (ROOT / "deploy" / "lib" / "install.sh").read_text()
    return set(re.search(r"^PACKAGES=\((.*?)\)", text, re.M | re.S)[1].split())


def python_packages():
    files = [*(ROOT / "deploy").glob("requirements*.txt"), *(ROOT / "Tests").rglob("requirements*.txt")]
    assert len(files) >= 3
    return {name for file in files for name in re.findall(r"^([\w.-]+)==", file.read_text(), re.M)}


@pytest.mark.parametrize("title, used", [
    ("Swift packages", swift_packages), ("C libraries", c_libraries), ("Debian packages", debian_packages),
    ("Python packages", python_packages)], ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_used_is_listed_with_its_licence(title, used):
    rows = listed(title)
    assert set(rows) == used()
    assert all(licence and where for licence, where in rows.values())
