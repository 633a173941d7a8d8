"""Sends one streamed chat completion through the gateway with the ordinary OpenAI client, and shows what came and what it
cost. Reads AIHUB_BASE_URL and AIHUB_API_KEY."""

import os
import time

from openai import OpenAI

QUESTION = "Explain in one sentence what an API gateway does."


def main():
    client = OpenAI(base_url=os.environ["AIHUB_BASE_URL"], api_key=os.environ["AIHUB_API_KEY"])
    print(f"\n  model 'smart' is asked: {QUESTION}\n\n  ", end="", flush=True)
    started = time.monotonic()
    first, model, usage = None, None, None
    stream = client.chat.completions.create(
        model="smart", max_tokens=120, stream=True, stream_options={"include_usage": True},
        messages=[{"role": "user", "content": QUESTION}])
    for chunk in stream:
        model, usage = chunk.model, chunk.usage or usage
        for choice in chunk.choices:
            if choice.delta.content:
                first = first or time.monotonic()
                print(choice.delta.content, end="", flush=True)
    seconds = time.monotonic() - started
    print(f"\n\n  answered by {model}: {usage.prompt_tokens} + {usage.completion_tokens} tokens, {usage.cost:.9f} USD,"
          f" first token after {1000 * ((first or started) - started):.0f} ms, {seconds:.1f} s in all")
    if model.startswith("smollm2"):
        print("  (This is a tiny local model of 135 million parameters: a real answer, not a clever one. Set OPENAI_API_KEY"
              "\n  and start again to have a large one behind the same alias.)")


if __name__ == "__main__":
    main()
