"""Prompts of OpenAI bodies as token ids, for engines that bring no serving layer of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from deployments.engines.batch.openai_body import Asked, RefusedBody


class PromptReader:
    """Turns prompts and chats into tokens of one model."""

    def __init__(self, tokenizer: Any, max_context_tokens: int) -> None:
        self.tokenizer, self.max_context_tokens = tokenizer, max_context_tokens

    def read(self, kind: str, body: dict[str, Any], asked: Asked) -> list[tuple[int, ...]]:
        """Token ids of each prompt of a chat or completion body.

        Raises:
            RefusedBody: a prompt leaves no room for the answer, or the model cannot read it.
        """
        if kind == "chat":
            prompts = [self._chat(body)]
        else:
            given = body["prompt"]
            is_list = isinstance(given, list) and not isinstance(given[0], int)
            prompts = [self._ids(each) for each in (given if is_list else [given])]
        longest, wanted = max(map(len, prompts)), asked.max_tokens or 1
        if longest + wanted > self.max_context_tokens:
            raise RefusedBody(
                f"This model's maximum context length is {self.max_context_tokens} tokens: the prompt has {longest} "
                f"and {wanted} are asked for. Shorten the prompt or ask for fewer.",
                "messages" if kind == "chat" else "prompt",
            )
        if not min(map(len, prompts)):
            raise RefusedBody("prompt: has no tokens.", "prompt")
        return prompts

    def counted(self, kind: str, body: dict[str, Any]) -> bytes:
        """The JSON answer of /tokenize or /detokenize.

        Raises:
            RefusedBody: the body is not one.
        """
        if kind == "detokenize":
            ids = body.get("tokens")
            if not isinstance(ids, list) or not all(type(each) is int and each >= 0 for each in ids):
                raise RefusedBody("tokens: write a list of token ids.", "tokens")
            return json.dumps({"prompt": self.tokenizer.decode(self._ids(ids))}).encode()
        if isinstance(body.get("messages"), list):
            tokens = self._chat(body)
        elif isinstance(body.get("prompt"), str):
            special = bool(body.get("add_special_tokens", True))
            tokens = tuple(self.tokenizer(body["prompt"], add_special_tokens=special)["input_ids"])
        else:
            raise RefusedBody("prompt: write a text, or messages.", "prompt")
        counted = {"tokens": tokens, "count": len(tokens), "max_model_len": self.max_context_tokens}
        return json.dumps(counted).encode()

    def _chat(self, body: dict[str, Any]) -> tuple[int, ...]:
        options = {"add_generation_prompt": body.get("add_generation_prompt", True)}
        given = body.get("chat_template_kwargs") or {}
        if not isinstance(given, dict):
            raise RefusedBody("chat_template_kwargs: write an object.", "chat_template_kwargs")
        options |= given
        messages = messages_of(body)
        try:
            made = self.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
        except Exception as error:  # templates raise what they like, such as errors about an order of roles
            raise RefusedBody(f"messages: the model's chat template refuses them: {error}", "messages") from error
        return tuple(made)

    def _ids(self, prompt: str | list[int]) -> tuple[int, ...]:
        if isinstance(prompt, str):
            return tuple(self.tokenizer(prompt)["input_ids"])
        self.check_ids("prompt", prompt)
        return tuple(prompt)

    def check_ids(self, field: str, ids: Iterable[int]) -> None:
        """Token ids of a field must be in the vocabulary.

        Raises:
            RefusedBody: one is not.
        """
        size = len(self.tokenizer)
        if wrong := [each for each in ids if not 0 <= each < size]:
            raise RefusedBody(f"{field}: token id {wrong[0]} is not in the vocabulary of {size}.", field)


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A chat's messages with their text parts joined, as chat templates read them.

    Raises:
        RefusedBody: a part is not text.
    """
    return [
        message | {"content": _text(message.get("content"), f"messages.{index}.content")}
        for index, message in enumerate(body["messages"])
    ]


def _text(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = [part if isinstance(part, str) else part.get("text") for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise RefusedBody(f"{where}: this model reads text only: write parts of type text.", where)
    return "\n".join(texts)
