-- The bounds of models that are in the database already, as deploy/catalogue/models.yaml has them with their sources. What sees
-- images and is not listed gets its context window: no vendor takes more than fits there.
with known (name, image_tokens_max, document_tokens_max) as (values
    ('gpt-4.1', 1445, 1047576),
    ('gpt-4.1-mini', 2489, 1047576),
    ('gpt-4.1-nano', 3779, 1047576),
    ('gpt-4o', 1445, 128000),
    ('gpt-4o-mini', 48169, 128000),
    ('o3', 1275, 200000),
    ('o4-mini', 2642, 200000),
    ('gpt-5', 1190, 400000),
    ('gpt-5-mini', 2489, 400000),
    ('gpt-5-nano', 3779, 400000),
    ('gpt-5.1', 3000, 400000),
    ('gpt-5.2', 3000, 400000),
    ('gpt-5.4', 12000, 1050000),
    ('gpt-5.4-mini', 4050, 400000),
    ('gpt-5.5', 12000, 1050000),
    ('gpt-5.6-sol', 1050000, 1050000),
    ('gpt-5.6-terra', 1050000, 1050000),
    ('gpt-5.6-luna', 1050000, 1050000),
    ('claude-haiku-4-5', 1604, 200000),
    ('claude-sonnet-4-5', 1604, 200000),
    ('claude-sonnet-4-6', 1604, 1000000),
    ('claude-opus-4-5', 1604, 200000),
    ('claude-sonnet-5', 4788, 1000000),
    ('claude-opus-4-8', 4788, 1000000),
    ('claude-opus-5', 4788, 1000000),
    ('gemini-2.5-pro', 6192, 1048576),
    ('gemini-2.5-flash', 6192, 1048576),
    ('gemini-2.5-flash-lite', 6192, 1048576),
    ('gemini-3-flash-preview', 2240, 1048576),
    ('gemini-3.1-pro-preview', 2240, 1048576),
    ('gemini-3.1-flash-lite', 2240, 1048576),
    ('gemini-3.5-flash', 2240, 1048576),
    ('gemini-3.6-flash', 2240, 1048576),
    ('mistral-large-2512', 4160, null::bigint),
    ('mistral-medium-2604', 4160, null),
    ('mistral-small-2603', 4160, null),
    ('grok-4.3', 1792, null),
    ('grok-4.5', 1792, null),
    ('grok-4.20-0309-non-reasoning', 1792, null),
    ('qwen3.7-plus', 16386, null))
update model m set image_tokens_max = k.image_tokens_max, document_tokens_max = k.document_tokens_max
from known k where k.name = m.name and m.kind = 'chat' and m.vision;

update model set image_tokens_max = context_window
where kind = 'chat' and vision and image_tokens_max is null and context_window is not null;
