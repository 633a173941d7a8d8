-- Vendors want the same request in different ways: which way is a property of the provider. The names are those of the rows of
-- Sources/DataPlane/Translation/Dialect+Table.swift; docs/adding-a-provider.md shows how one is added.
alter table provider drop constraint if exists "the dialects spoken so far: openai";
alter table provider drop constraint if exists "a dialect is one the workers speak";
alter table provider add constraint "a dialect is one the workers speak" check (dialect in (
    'openai', 'azure', 'azure-deployments', 'mistral', 'groq', 'deepseek', 'xai', 'together', 'openrouter', 'qwen', 'ollama',
    'vllm', 'llamacpp', 'gemini-compat', 'anthropic'));

-- Azure names the version of its API in the query of every request.
alter table provider add column if not exists api_version text
    constraint "an API version is a short word such as 2024-10-21" check (api_version ~ '^[A-Za-z0-9.-]{1,32}$');
