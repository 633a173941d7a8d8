-- Input tokens that one image, document, recording or film can make at most on a model, whatever is in it: what stands for many
-- tokens in few bytes is held for by these. A part without a bound on the model is refused; an image may have the context window.
alter table model
    add column image_tokens_max bigint constraint "image_tokens_max is 1 to 100,000,000" check (image_tokens_max between 1 and 100000000),
    -- A PDF, or another file that the vendor opens.
    add column document_tokens_max bigint constraint "document_tokens_max is 1 to 100,000,000" check (document_tokens_max between 1 and 100000000),
    add column audio_tokens_max bigint constraint "audio_tokens_max is 1 to 100,000,000" check (audio_tokens_max between 1 and 100000000),
    add column video_tokens_max bigint constraint "video_tokens_max is 1 to 100,000,000" check (video_tokens_max between 1 and 100000000);
