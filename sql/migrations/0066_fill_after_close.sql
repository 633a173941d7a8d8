-- What vendors say of deployments that are in the database already: OpenRouter's page on stream cancellation names those that
-- stop. Told by the vendor's own address, for a dialect may be spoken by others. Servers in networks of the operator's own bill
-- nobody, and end an answer nobody reads.
with known (dialect, base_url) as (values
    ('openai', '^https://api\.openai\.com/'),
    ('azure', '^https://[a-z0-9-]+\.(openai\.azure|services\.ai\.azure|cognitiveservices\.azure)\.com/'),
    ('azure-deployments', '^https://[a-z0-9-]+\.(openai\.azure|services\.ai\.azure|cognitiveservices\.azure)\.com/'),
    ('anthropic', '^https://api\.anthropic\.com/'),
    ('xai', '^https://api\.x\.ai/'),
    ('together', '^https://api\.together\.(xyz|ai)/'),
    ('deepseek', '^https://api\.deepseek\.com(/|$)'))
update deployment d
set after_close = 'stops', after_close_source = 'https://openrouter.ai/docs/api-reference/streaming (Stream Cancellation), 2026-11-28'
from provider p join known k on k.dialect = p.dialect and p.base_url ~ k.base_url
where p.id = d.provider_id and d.after_close_source is null;

update deployment d
set after_close = 'stops', after_close_source = 'a server of our own, in ' || array_to_string(p.allowed_networks, ', ') || ': no vendor bills it'
from provider p
where p.id = d.provider_id and d.after_close_source is null
    and p.dialect in ('vllm', 'llamacpp', 'ollama') and cardinality(p.allowed_networks) > 0;
