"""What vendors write: streams and plain answers in OpenAI's form with each vendor's quirks, and in Anthropic's."""

from __future__ import annotations

import base64
import json
from typing import Any, Iterable

from answers import Choice
from staging import Event, Staged

#: Usage stands in the chunk that ends the answer, asked for or not.
USAGE_AT_FINISH = {"mistral", "groq", "deepseek", "together"}
USAGE_UNASKED = {"openrouter", "xai"}
THOUGHT_MEMBER = {"groq": "reasoning", "together": "reasoning", "ollama": "reasoning", "openrouter": "reasoning"}


def data(document: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(document, ensure_ascii=False, separators=(',', ':'))}\n\n".encode("utf-8", "surrogatepass")


class OpenAIStream:
    """The chunks of one answer. `usage` is False where the vendor keeps it to itself."""

    def __init__(self, dialect: str, request: dict[str, Any], staged: Staged, name: str, usage: bool) -> None:
        self.dialect, self.staged, self.name = dialect, staged, name
        asked = bool((request.get("stream_options") or {}).get("include_usage"))
        self.at_finish = usage and dialect in USAGE_AT_FINISH
        self.in_chunk = usage and (asked or dialect in USAGE_UNASKED) and dialect not in USAGE_AT_FINISH - {"groq"}
        self.started: set[int] = set()

    @property
    def says_usage(self) -> bool:
        return self.staged.answer.usage is not None and (self.at_finish or self.in_chunk)

    def chunk(self, choices: list, **more: Any) -> bytes:
        return data({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": self.name,
                     "choices": choices, **more})

    def delta(self, index: int, delta: dict, finish: str | None = None, **more: Any) -> bytes:
        return self.chunk([{"index": index, "delta": delta, "finish_reason": finish}], **more)

    def opening(self) -> Iterable[bytes]:
        if self.dialect in ("azure", "azure-deployments"):
            yield self.chunk([], prompt_filter_results=[{"prompt_index": 0, "content_filter_results": {}}])
        for index in range(self.staged.returned):
            yield self.delta(index, {"role": "assistant", "content": ""})

    def event(self, event: Event) -> Iterable[bytes]:
        index, text = event.choice, event.piece.text
        choice = self.staged.answer.choices[index]
        if event.thought:
            if self.dialect == "mistral":
                parts = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]
                yield self.delta(index, {"content": parts})
            else:
                yield self.delta(index, {THOUGHT_MEMBER.get(self.dialect, "reasoning_content"): text})
        elif choice.tool is None:
            yield self.delta(index, {"content": text})
        else:
            call: dict[str, Any] = {"index": 0, "function": {"arguments": text}}
            if index not in self.started:
                self.started.add(index)
                call |= {"id": f"call_{index:08}", "type": "function"}
                call["function"]["name"] = choice.tool
            yield self.delta(index, {"tool_calls": [call]})

    def finish(self) -> Iterable[bytes]:
        usage = self.staged.answer.usage
        last = self.staged.returned - 1
        for index, choice in enumerate(self.staged.answer.choices[:self.staged.returned]):
            more: dict[str, Any] = {}
            if index == last and self.at_finish:
                more = {"x_groq": {"id": "req_1", "usage": usage}} if self.dialect == "groq" else {"usage": usage}
            yield self.delta(index, {}, choice.finish, **more)

    def usage(self) -> Iterable[bytes]:
        if self.in_chunk:
            yield self.chunk([], usage=self.staged.answer.usage)
        yield b"data: [DONE]\n\n"


class AnthropicStream:
    """The events of a message. Usage comes in two parts: `says_input` is of the first, `says_usage` of the second."""

    says_input = True

    def __init__(self, dialect: str, request: dict[str, Any], staged: Staged, name: str, usage: bool) -> None:
        self.staged, self.name, self.says_usage = staged, name, usage
        self.block = -1
        self.kind = ""

    def opening(self) -> Iterable[bytes]:
        start = self.staged.answer.usage_start if self.says_input else None
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.name, "content": [],
                   "stop_reason": None, "stop_sequence": None, **({"usage": start} if start else {})}
        yield data({"type": "message_start", "message": message}, "message_start")

    def open_block(self, kind: str, block: dict) -> Iterable[bytes]:
        if kind == self.kind:
            return
        yield from self.close_block()
        self.kind, self.block = kind, self.block + 1
        yield data({"type": "content_block_start", "index": self.block, "content_block": block}, "content_block_start")

    def close_block(self) -> Iterable[bytes]:
        if self.kind:
            yield data({"type": "content_block_stop", "index": self.block}, "content_block_stop")
        self.kind = ""

    def event(self, event: Event) -> Iterable[bytes]:
        text, choice = event.piece.text, self.staged.answer.choices[event.choice]
        if event.thought:
            yield from self.open_block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
            delta = {"type": "thinking_delta", "thinking": text}
        elif choice.tool is None:
            yield from self.open_block("text", {"type": "text", "text": ""})
            delta = {"type": "text_delta", "text": text}
        else:
            yield from self.open_block("tool_use", {"type": "tool_use", "id": "toolu_1", "name": choice.tool, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": text}
        yield data({"type": "content_block_delta", "index": self.block, "delta": delta}, "content_block_delta")

    def finish(self) -> Iterable[bytes]:
        yield from self.close_block()

    def usage(self) -> Iterable[bytes]:
        stop = stop_reason(self.staged.answer.choices[0])
        usage = {"usage": self.staged.answer.usage_delta} if self.says_usage else {}
        yield data({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, **usage}, "message_delta")
        yield data({"type": "message_stop"}, "message_stop")


def stop_reason(choice: Choice) -> str:
    """Why a choice ended, in Anthropic's words."""
    return {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}[choice.finish]


def plain(dialect: str, request: dict[str, Any], staged: Staged, name: str, usage: bool) -> dict[str, Any]:
    """A whole answer."""
    answer = staged.answer
    said = {"usage": answer.usage} if usage and answer.usage is not None else {}
    choices = answer.choices[:staged.returned]
    if answer.kind == "embeddings":
        return {"object": "list", "data": vectors(request), "model": name, **said}
    if answer.kind == "images":
        return {"created": 1, "data": [{"b64_json": "iVBORw0KGgo="}] * int(request.get("n") or 1), **said}
    if answer.kind == "completions":
        return {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": name, **said, "choices": [
            {"index": index, "text": texts(choice.reasoning_pieces) + texts(choice.pieces), "finish_reason": choice.finish,
             "logprobs": None} for index, choice in enumerate(choices)]}
    if dialect == "anthropic":
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": name, "content": blocks(choices[0]),
                "stop_reason": stop_reason(choices[0]), "stop_sequence": None, **said}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": name, **said, "choices": [
        {"index": index, "message": message(dialect, index, choice), "finish_reason": choice.finish}
        for index, choice in enumerate(choices)]}


def texts(pieces: Iterable) -> str:
    """Pieces as one text."""
    return "".join(piece.text for piece in pieces)


def message(dialect: str, index: int, choice: Choice) -> dict[str, Any]:
    """A whole message of OpenAI's form."""
    thought, text = texts(choice.reasoning_pieces), texts(choice.pieces)
    out: dict[str, Any] = {"role": "assistant", "content": None if choice.tool else text}
    if choice.tool:
        out["tool_calls"] = [{"id": f"call_{index:08}", "type": "function",
                              "function": {"name": choice.tool, "arguments": text}}]
    if thought and dialect == "mistral":
        parts = [{"type": "thinking", "thinking": [{"type": "text", "text": thought}]}]
        out["content"] = parts + ([] if choice.tool else [{"type": "text", "text": text}])
    elif thought:
        out[THOUGHT_MEMBER.get(dialect, "reasoning_content")] = thought
    return out


def blocks(choice: Choice) -> list[dict[str, Any]]:
    """A whole message of Anthropic's."""
    out: list[dict[str, Any]] = []
    if choice.reasoning_pieces:
        out.append({"type": "thinking", "thinking": texts(choice.reasoning_pieces), "signature": "c2ln"})
    if choice.tool:
        tool_input = json.loads(texts(choice.pieces))
        return out + [{"type": "tool_use", "id": "toolu_1", "name": choice.tool, "input": tool_input}]
    return out + [{"type": "text", "text": texts(choice.pieces)}]


def vectors(request: dict[str, Any]) -> list[dict[str, Any]]:
    """A vector for each input."""
    given = request["input"]
    count = len(given) if isinstance(given, list) and not (given and isinstance(given[0], int)) else 1
    as_text = request.get("encoding_format") == "base64"
    vector: Any = base64.b64encode(bytes(16)).decode() if as_text else [0.1, 0.2, 0.3, 0.4]
    return [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)]


def error(dialect: str, message_text: str, code: str) -> dict[str, Any]:
    """An error body."""
    if dialect == "anthropic":
        return {"type": "error", "error": {"type": code or "api_error", "message": message_text}}
    return {"error": {"message": message_text, "type": code or "server_error", "code": code or None, "param": None}}
