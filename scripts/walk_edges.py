"""The request walk as a graph of files, and the state of its types; `house.py` says how it counts."""

import re

from swift_text import closing, plain


def split_at(text, function):
    """The text without the body of this function, and that body."""
    found = re.search(rf"\bfunc {function}\b", text)
    end = closing(text, found.end()) if found else 0
    return (text[:found.start()] + text[end:], text[found.end():end]) if found else (text, "")


CALL = re.compile(r"(?<!func )(?<![\w.])(?:(\w+)[?!]?\.)?(\w+)\(")
TYPE = re.compile(r"^[ \t]*(?:[a-z]+(?:\(set\))? +)*(struct|class|enum|actor|extension) +([\w.]+)", re.M)
STORED = re.compile(r"^[ \t]*(?:@\w+ +)?(?:(?:package|private|fileprivate|internal|public|final|lazy|weak|unowned)(?:\(\w+\))? +)*"
                    r"(?:let|var) +(\w+)([^\n]*)", re.M)


class Types:
    """Each type of a folder: its files, its functions, its stored properties with their types, those nested in it."""

    def __init__(self, texts):
        self.files, self.functions, self.stored, self.payloads, self.nested = {}, {}, {}, {}, {}
        self.timed, self.classes = set(), set()
        for file, text in texts.items():
            self.read(file, text, None)

    def read(self, file, text, outer):
        at = 0
        while found := TYPE.search(text, at):
            kind, name = found[1], found[2].split(".")[-1]
            end = closing(text, found.end())
            body = text[text.index("{", found.end()) + 1:end]
            self.files.setdefault(name, set()).add(file)
            if kind != "extension":
                self.functions.setdefault(("init", name), set()).add(file)
                if outer:
                    self.nested.setdefault(outer, set()).add(name)
            own = self.top(body)
            for function in re.finditer(r"((?:\b\w+ )*)func (\w+)[^{}]*", own):
                self.functions.setdefault((function[2], name), set()).add(file)
                if "mutating" in function[1] and re.search(r"\bat now:", function[0]):
                    self.timed.add(name)
            if kind in ("class", "actor"):
                self.classes.add(name)
            if kind in ("struct", "class", "actor"):
                for property in STORED.finditer(own):
                    if self.is_stored(property[2]):
                        self.stored.setdefault(name, []).append(property[2])
            if kind == "enum":
                self.payloads.setdefault(name, []).extend(re.findall(r"\bcase \w+\(([^)]*)\)", own))
            self.read(file, body, name)
            at = end

    @staticmethod
    def top(body):
        """A type's body without what stands in inner braces."""
        out, depth = [], 0
        for character in body:
            depth -= character == "}"
            if depth == 0:
                out.append(character)
            depth += character == "{"
        return "".join(out)

    @staticmethod
    def is_stored(rest):
        """`top` has left of a computed property's body its closing brace, without a value before it."""
        return "}" not in rest or "=" in rest.split("}")[0]

    def mentions(self, name):
        """The folder's values that a type stores or that its cases carry: no classes, nothing in an array."""
        text = " ".join(self.stored.get(name, []) + self.payloads.get(name, []))
        words = set(re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", text)))
        return (words | self.nested.get(name, set())) & set(self.files) - self.classes

    def reach(self, name, stops=(), seen=None):
        seen = seen if seen is not None else {name}
        for other in self.mentions(name) - seen - set(stops):
            seen.add(other)
            self.reach(other, stops, seen)
        return seen

    def properties(self, name):
        return len(self.stored.get(name, [])) + sum(self.properties(inner) for inner in self.nested.get(name, ()))

    def held(self, name, stops):
        return sum(len(self.stored.get(other, [])) for other in self.reach(name, stops))


class Walk:
    def __init__(self, tree):
        root = next((tree / "Sources/DataPlane").rglob("RequestWalk.swift")).parent
        texts = {str(file.relative_to(root)): plain(file.read_text()) for file in sorted(root.rglob("*.swift"))}
        self.types = Types(texts)
        self.stages = {"RequestWalk"} | self.types.reach("RequestWalk") & self.types.timed
        self.files = sorted({file for stage in self.stages for file in self.types.files[stage]})
        texts = {file: texts[file] for file in self.files}
        self.edges = self.find_edges(texts)
        self.circle = {file for file in self.files if file in self.reached(file)}

    def largest(self):
        name = max(sorted(self.stages), key=self.types.properties)
        return name, self.types.properties(name), self.types.held(name, self.stages)

    def find_edges(self, texts):
        values = self.values(texts)
        edges = set()
        for file, text in texts.items():
            own = {stage for stage in self.stages if file in self.types.files[stage]}
            # Helpers that the file declares are no part of the walk, but may have functions of the same name.
            local = set(re.findall(r"\bfunc (\w+)", text))
            rest, step = split_at(text, "step")
            for receiver, name in CALL.findall(rest) + [call for call in CALL.findall(step) if call[0] or call[1] in self.stages]:
                if name in self.stages and not receiver:
                    targets = {("init", name)}
                elif receiver in {"", "self", "Self"}:
                    targets = set() if name in local else {(name, stage) for stage in own}
                else:
                    targets = {(name, stage) for stage in values.get(receiver, {receiver} & self.stages)}
                places = set().union(*(self.types.functions.get(target, ()) for target in targets))
                edges |= {(file, other) for other in places & set(texts) if other != file}
        return edges

    def values(self, texts):
        """Names that some file declares as a value of a stage, with the stages."""
        found = {}
        for stage in self.stages:
            for text in texts.values():
                names = re.findall(rf"\b(\w+)\s*:\s*(?:inout |consuming |borrowing |sending )?{stage}\b", text)
                names += re.findall(rf"\b(?:let|var) (\w+) = {stage}\b", text)
                for case in re.findall(rf"\bcase (\w+)\((?:\w+: )?{stage}\b", text):
                    for other in texts.values():
                        names += re.findall(rf"\.{case}\((?:let |var )?(\w+)", other)
                for name in names:
                    found.setdefault(name, set()).add(stage)
        return found

    def reached(self, file):
        seen, rest = set(), [file]
        while rest:
            at = rest.pop()
            for _, other in (edge for edge in self.edges if edge[0] == at):
                if other not in seen:
                    seen.add(other)
                    rest.append(other)
        return seen
