"""One small byte-level BPE tokenizer and chat template, shared by the three demo models.

It splits text exactly like GPT-2, so converters can treat it as "gpt2". No merge contains a digit: every digit is one
token, which makes arithmetic learnable for a tiny model.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from demo.tasks import generate_tasks

VOCAB_SIZE = 512
CONTEXT_TOKENS = 2048
PAD, BEGIN, END = "<|pad|>", "<|begin|>", "<|end|>"
SYSTEM, USER, ASSISTANT = "<|system|>", "<|user|>", "<|assistant|>"
SPECIAL_TOKENS = [PAD, BEGIN, END, SYSTEM, USER, ASSISTANT]

# Content may be a string, null (a message with tool calls) or a list of parts, whose text is used. Roles that the
# models have not learned (tool, function) become user messages. `tools` is accepted and ignored.
CHAT_TEMPLATE = """\
{{- '<|begin|>' -}}
{%- for message in messages -%}
  {%- if message['role'] == 'assistant' -%}{{- '<|assistant|>' -}}
  {%- elif message['role'] in ['system', 'developer'] -%}{{- '<|system|>' -}}
  {%- else -%}{{- '<|user|>' -}}
  {%- endif -%}
  {%- if message['content'] is string -%}{{- message['content'] -}}
  {%- elif message['content'] -%}
    {%- for part in message['content'] -%}
      {%- if part is string -%}{{- part -}}
      {%- elif part['text'] is defined -%}{{- part['text'] -}}
      {%- endif -%}
    {%- endfor -%}
  {%- endif -%}
  {{- '<|end|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""


def build_tokenizer(tasks: int = 20_000, seed: int = 0) -> Tokenizer:
    """Train the merges on seen prompts and answers, never on held-out wordings."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts_without_digits(tasks, seed), trainer)
    return tokenizer


def _texts_without_digits(tasks: int, seed: int) -> Iterator[str]:
    for task in generate_tasks(tasks, seed=seed, noise=0.2):
        yield from re.split(r" ?\d+", task.prompt)
        yield from re.split(r" ?\d+", task.response)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json (with the chat template) to a model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [SYSTEM, USER, ASSISTANT],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT_TOKENS,
        "padding_side": "left",
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of a model folder, as transformers and vLLM load it. It is built if the folder has none."""
    if not (folder / "tokenizer.json").exists():
        save_tokenizer(build_tokenizer(), folder)
    return AutoTokenizer.from_pretrained(folder)
