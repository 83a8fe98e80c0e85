"""Turn OpenAI-style JSON bodies into RoutingRequests.

This module checks the fields that routing reads. The engine checks every other field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.wish import Wish, is_auto, parse_wish
from router.checks import check_fields, check_flag, is_int, shown
from router.messages import checked_messages, text_of
from router.needs import needs_of
from router.passages import without_context
from router.task import task_of
from router.tokens import of_chat, of_prompt
from router.types import BadRequest, RoutingRequest

MOST_SEQUENCES = 1_000
"""More sequences per prompt are counted as so many."""


def from_chat(body: Mapping[str, Any]) -> RoutingRequest:
    """Return the routing request of a /v1/chat/completions body.

    Raises:
        BadRequest: a field is invalid that routing reads, or that every engine reads the same way.
    """
    check_fields(body)
    check_flag(body, "logprobs")
    messages = checked_messages(body.get("messages"))
    texts = [(message["role"], text_of(message.get("content"), f"messages.{i}.content"))
             for i, message in enumerate(messages)]  # fmt: skip
    task, tokens = task_of(texts), of_chat(body, (text for _, text in texts))
    return RoutingRequest(
        text=task.text,
        context_characters=task.context_characters,
        system="\n".join(text for role, text in texts if role in ("system", "developer")),
        turns=len(messages),
        prompt_tokens=tokens.count,
        prompt_error=tokens.error,
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        needs=needs_of(body, messages),
        **_named(body),
        tools=len(body.get("tools") or body.get("functions") or ()),
        several=_several(body),
        sequences=_sequences(body),
    )


def from_completion(body: Mapping[str, Any]) -> RoutingRequest:
    """Return the routing request of a /v1/completions body.

    Raises:
        BadRequest: as from_chat.
    """
    check_fields(body)
    prompt: Any = body.get("prompt")
    logprobs = body.get("logprobs")
    if logprobs is not None and not is_int(logprobs):
        raise BadRequest(f"logprobs is {shown(logprobs)}: use an integer, the number to return", "logprobs")
    if not _is_prompt(prompt):
        raise BadRequest(f"prompt is {shown(prompt)}: use text, a list of texts, or a list of token ids", "prompt")
    # Each prompt of a list becomes a separate sequence. The longest one must fit, and the router judges that one.
    prompts: list[Any] = [prompt] if isinstance(prompt, str) or _is_ids(prompt) else prompt
    tokens = [of_prompt(item) for item in prompts]
    longest = max(tokens, key=lambda each: each.count)
    text, left_out = without_context(max((item for item in prompts if isinstance(item, str)), key=len, default=""))
    return RoutingRequest(
        text=text,
        context_characters=left_out,
        prompt_tokens=longest.count,
        prompt_error=longest.error,
        other_prompt_tokens=sum(each.count for each in tokens) - longest.count,
        max_tokens=body.get("max_tokens"),
        needs=needs_of(body),
        **_named(body),
        several="prompt" if len(prompts) > 1 else _several(body),
        sequences=len(prompts) * _sequences(body),
    )


def from_name(body: Mapping[str, Any]) -> RoutingRequest:
    """Return the routing request of a body without a query, such as one to tokenize. Only its model name counts.

    Raises:
        BadRequest: as from_chat.
    """
    check_fields(body)
    return RoutingRequest(text="", **_named(body), generates=False)


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """Return the chat body of a request that only asks for a decision. `{"input": text}` is short for one user message.

    Raises:
        BadRequest: the input is not text, or the body has messages as well.
    """
    if "input" not in body:
        return body
    text = body["input"]
    if not isinstance(text, str):
        raise BadRequest(f"input is {shown(text)}: use text, or use messages instead", "input")
    if "messages" in body:
        raise BadRequest("The body has both input and messages: use one of them.", "input")
    others = {name: value for name, value in body.items() if name != "input"}
    return {**others, "messages": [{"role": "user", "content": text}]}


# -- fields ---------------------------------------------------------------------------------------------------------


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model name, and the preferences in it if it leaves the choice to the router."""
    name = body.get("model") or "auto"
    try:
        return {"model": name, "wish": parse_wish(name) if is_auto(name) else Wish()}
    except ValueError as error:
        raise BadRequest(f"model: {error}", "model") from error


def _several(body: Mapping[str, Any]) -> str | None:
    """Return the field with which a request asks for more than one sequence per prompt."""
    fields = (name for name in ("n", "best_of") if (body.get(name) or 1) != 1)
    return next(fields, "use_beam_search" if body.get("use_beam_search") else None)


def _sequences(body: Mapping[str, Any]) -> int:
    """Return how many sequences the engine generates for each prompt; the engine checks the range of `best_of`."""
    asked: list[int] = [body[name] for name in ("n", "best_of") if is_int(body.get(name))]
    return min(max(1, *asked, 1), MOST_SEQUENCES)


# -- prompts ---------------------------------------------------------------------------------------------------------


def _is_ids(prompt: Any) -> bool:
    return isinstance(prompt, list) and bool(prompt) and all(is_int(item) and item >= 0 for item in prompt)


def _is_prompt(prompt: Any) -> bool:
    if isinstance(prompt, str):
        return bool(prompt)
    if not isinstance(prompt, list) or not prompt:
        return False
    return _is_ids(prompt) or all(_is_ids(item) or (isinstance(item, str) and item) for item in prompt)
