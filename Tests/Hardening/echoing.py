"""A provider whose response each test decides, and pairs of deployments: an alias that prefers the first of two."""

import http.server
import json
import threading

from processes import wait_until
from raw import ask

#: What a caller sends who wants nothing special.
HELLO = "hello"


class Upstream:
    """Answers HELLO normally, and everything else by `script(handler, body)`, which another thread may replace."""

    def __init__(self):
        self.script = None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                # The second deployment of a pair is always well.
                if body["model"] == "well" or json.dumps(body["messages"]) == json.dumps(messages(HELLO)):
                    return good(self, body)
                outer.script(self, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def messages(text):
    return [{"role": "user", "content": text}]


def send(handler, status, body, content_type="application/json"):
    handler.send_response(status)
    handler.send_header("content-type", content_type)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def start_stream(handler):
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("connection", "close")
    handler.end_headers()
    handler.close_connection = True


def chunk(**members):
    return b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **members}).encode() + b"\n\n"


TEXT = chunk(choices=[{"index": 0, "delta": {"content": "x"}}])


def good(handler, body):
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    if not body.get("stream"):
        answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
                  "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
        return send(handler, 200, json.dumps(answer).encode())
    start_stream(handler)
    handler.wfile.write(TEXT + chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
                        + chunk(choices=[], usage=usage) + b"data: [DONE]\n\n")


class Pairs:
    """Aliases `pair-N`, each over `front-N` and `back-N`; the front comes first while it is healthy."""

    def __init__(self, stack, count, first_event_ms=2000):
        self.stack, self.upstream = stack, Upstream()
        self.worker = stack.workers[0]
        lines = ["providers:", f"  - {{id: echoing, base_url: 'http://127.0.0.1:{self.upstream.port}/v1',"
                 " allowed_networks: ['127.0.0.0/8'], credential_from_environment: SCRIPTED_KEY}", "models:"]
        names = [f"{place}-{n}" for n in range(count) for place in ("front", "back")]
        for name in names:
            lines.append(f"  - {{name: {name}, vendor: scripted, max_output_tokens: 400, tools: true, vision: true,"
                         f" first_event_ms: {first_event_ms}, idle_ms: 2000,"
                         ' usd_per_million_tokens: {input: "1", output: "2"}}')
        lines.append("deployments:")
        for name in names:
            model = "well" if name.startswith("back") else "echo"
            lines.append(f"  - {{id: {name}, model: {name}, provider: echoing, upstream_model: {model}}}")
        lines.append("aliases:")
        for n in range(count):
            lines.append(f"  - {{name: pair-{n}, candidates: [{{model: front-{n}}}, {{model: back-{n}}}]}}")
        path = stack.folder / "pairs.yaml"
        path.write_text("\n".join(lines) + "\n")
        stack.run_control("load", path, env={"SCRIPTED_KEY": "sk-scripted"})
        self.stranger, self.neighbour = stack.new_key()["key"], stack.new_key()["key"]
        last = f"pair-{count - 1}"
        wait_until(lambda: last in str(ask(self.worker, "GET", "/v1/models", self.neighbour)[2]), what="the pairs are in force")

    def ask(self, pair, key, body=None, stream=False):
        """One request; `body`: members, or the whole body as text. Returns status, headers, and what came."""
        if not isinstance(body, str):
            body = {"model": f"pair-{pair}", "messages": messages(HELLO), "stream": stream, **(body or {})}
        return ask(self.worker, "POST", "/v1/chat/completions", key, body)

    def asked_first(self, pair, key, times=3):
        """The deployments that answer an ordinary request of a key."""
        return [self.ask(pair, key, stream=n % 2 == 1)[1].get("x-aihub-deployment") for n in range(times)]

    def close(self):
        self.upstream.close()
