"""The answers of a well-behaved provider, as bytes that a test may corrupt."""

import json


def head(content_type="text/event-stream", *fields, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-type: {content_type}", *fields, "", ""]).encode()


def chunked(body, size=1 << 20):
    """A complete body in HTTP chunks of `size`."""
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def stream(body, size=1 << 20):
    return head("text/event-stream", "transfer-encoding: chunked") + chunked(body, size)


def plain(body, *fields, status="200 OK"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head("application/json", *fields, f"content-length: {len(body)}", status=status) + body


def delta(text, finish=None, **more):
    """The JSON of one chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more})


def event(data):
    return f"data: {data}\n\n".encode()


def usage(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}


def usage_chunk(prompt, completion):
    return json.dumps({**json.loads(delta("")), "choices": [], "usage": usage(prompt, completion)})


def answer(text="hello", tokens=usage(7, 2)):
    """A chat completion that is not streamed; without usage if `tokens` is None."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return made if tokens is None else {**made, "usage": tokens}


DONE = event("[DONE]")
