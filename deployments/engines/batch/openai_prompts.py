"""Turns the prompts of OpenAI bodies into token ids, for engines without a serving layer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from deployments.engines.batch.openai_body import GenerationParameters, RejectedBody


class PromptReader:
    """Turns prompts and chats into the tokens of one model."""

    def __init__(self, tokenizer: Any, max_context_tokens: int) -> None:
        self.tokenizer, self.max_context_tokens = tokenizer, max_context_tokens

    def read(self, kind: str, body: dict[str, Any], parameters: GenerationParameters) -> list[tuple[int, ...]]:
        """Token ids of each prompt of a chat or completion body.

        Raises:
            RejectedBody: a prompt leaves no room for the answer, or the model cannot read it.
        """
        if kind == "chat":
            prompts = [self._chat(body)]
        else:
            prompt = body["prompt"]
            is_list = isinstance(prompt, list) and not isinstance(prompt[0], int)
            prompts = [self._ids(each) for each in (prompt if is_list else [prompt])]
        longest, answer_tokens = max(map(len, prompts)), parameters.max_tokens or 1
        if longest + answer_tokens > self.max_context_tokens:
            raise RejectedBody(
                f"This model's maximum context length is {self.max_context_tokens} tokens: the prompt has {longest} "
                f"and the request asks for {answer_tokens}. Shorten the prompt or request fewer tokens.",
                "messages" if kind == "chat" else "prompt",
            )
        if not min(map(len, prompts)):
            raise RejectedBody("prompt: has no tokens.", "prompt")
        return prompts

    def counted(self, kind: str, body: dict[str, Any]) -> bytes:
        """The JSON response of /tokenize or /detokenize.

        Raises:
            RejectedBody: the body is invalid.
        """
        if kind == "detokenize":
            ids = body.get("tokens")
            if not isinstance(ids, list) or not all(type(each) is int and each >= 0 for each in ids):
                raise RejectedBody("tokens: invalid value, use a list of token ids.", "tokens")
            return json.dumps({"prompt": self.tokenizer.decode(self._ids(ids))}).encode()
        if isinstance(body.get("messages"), list):
            tokens = self._chat(body)
        elif isinstance(body.get("prompt"), str):
            special = bool(body.get("add_special_tokens", True))
            tokens = tuple(self.tokenizer(body["prompt"], add_special_tokens=special)["input_ids"])
        else:
            raise RejectedBody("prompt: is missing, use a text, or messages.", "prompt")
        counted = {"tokens": tokens, "count": len(tokens), "max_model_len": self.max_context_tokens}
        return json.dumps(counted).encode()

    def _chat(self, body: dict[str, Any]) -> tuple[int, ...]:
        options = {"add_generation_prompt": body.get("add_generation_prompt", True)}
        template_options = body.get("chat_template_kwargs") or {}
        if not isinstance(template_options, dict):
            raise RejectedBody("chat_template_kwargs: invalid value, use an object.", "chat_template_kwargs")
        options |= template_options
        messages = messages_of(body)
        try:
            ids = self.tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
        except Exception as error:  # templates raise arbitrary errors, for example about the order of roles
            raise RejectedBody(f"messages: the model's chat template rejects them: {error}", "messages") from error
        return tuple(ids)

    def _ids(self, prompt: str | list[int]) -> tuple[int, ...]:
        if isinstance(prompt, str):
            return tuple(self.tokenizer(prompt)["input_ids"])
        self.check_ids("prompt", prompt)
        return tuple(prompt)

    def check_ids(self, field: str, ids: Iterable[int]) -> None:
        """Check that the token ids of a field are in the vocabulary.

        Raises:
            RejectedBody: one is not.
        """
        size = len(self.tokenizer)
        if wrong := [each for each in ids if not 0 <= each < size]:
            raise RejectedBody(f"{field}: token id {wrong[0]} is not in the vocabulary of {size}.", field)


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A chat's messages with joined text parts, as chat templates need them.

    Raises:
        RejectedBody: a part is not text.
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
        raise RejectedBody(f"{where}: this model reads text only, use parts of type text.", where)
    return "\n".join(texts)
