"""Turn OpenAI-style JSON bodies into RoutingRequests.

This module checks the fields that routing reads. The engine checks every other field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.wish import Wish, is_auto, parse_wish
from router.checks import check_fields, check_flag, is_int, shown
from router.passages import without_context
from router.task import task_of
from router.types import BadRequest, RoutingRequest

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
STRUCTURED_FORMATS = ("json_object", "json_schema", "structural_tag")
BYTES_PER_TOKEN = 4
"""A rule of thumb for natural language. The engine counts exactly and decides whether a request fits."""


def from_chat(body: Mapping[str, Any]) -> RoutingRequest:
    """Return the routing request of a /v1/chat/completions body.

    Raises:
        BadRequest: a field is invalid that routing reads, or that every engine reads the same way.
    """
    check_fields(body)
    check_flag(body, "logprobs")
    messages = _messages(body.get("messages"))
    texts = [(message["role"], _text_of(message.get("content"), f"messages.{i}.content"))
             for i, message in enumerate(messages)]  # fmt: skip
    task = task_of(texts)
    return RoutingRequest(
        text=task.text,
        context_characters=task.context_characters,
        system="\n".join(text for role, text in texts if role in ("system", "developer")),
        turns=len(messages),
        prompt_tokens=_tokens("".join(text for _, text in texts)),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        needs=_needs(body, messages),
        **_named(body),
        tools=len(body.get("tools") or body.get("functions") or ()),
        several=_several(body),
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
    text, left_out = without_context(max((item for item in prompts if isinstance(item, str)), key=len, default=""))
    return RoutingRequest(
        text=text,
        context_characters=left_out,
        prompt_tokens=max(_tokens(item) if isinstance(item, str) else len(item) for item in prompts),
        max_tokens=body.get("max_tokens"),
        needs=_needs(body, []),
        **_named(body),
        several="prompt" if len(prompts) > 1 else _several(body),
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


# -- messages --------------------------------------------------------------------------------------------------------


def _messages(messages: Any) -> list[dict[str, Any]]:
    if not isinstance(messages, list) or not messages:
        raise BadRequest(f"messages is {shown(messages)}: use a list of at least one message", "messages")
    for index, message in enumerate(messages):
        where = f"messages.{index}"
        if not isinstance(message, dict):
            raise BadRequest(f'{where} is {shown(message)}: use {{"role": ..., "content": ...}}', where)
        if message.get("role") not in ROLES:
            raise BadRequest(
                f"{where}.role is {shown(message.get('role'))}: use one of {', '.join(ROLES)}",
                f"{where}.role",
            )
        if message.get("content") is None and message["role"] not in ("assistant", "tool", "function"):
            raise BadRequest(f"{where}.content is missing: use text or a list of parts", f"{where}.content")
    return messages


def _text_of(content: Any, where: str) -> str:
    """Return the text of a message's content, with its parts joined."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise BadRequest(f"{where} is {shown(content)}: use text or a list of parts", where)
    texts = []
    for index, part in enumerate(content):
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise BadRequest(f'{where}.{index} is {shown(part)}: use {{"type": "text", "text": ...}}', where)
        elif part["type"] in ("text", "input_text"):
            if not isinstance(part.get("text"), str):
                raise BadRequest(f"{where}.{index}.text is {shown(part.get('text'))}: use text", where)
            texts.append(part["text"])
    return "\n".join(texts)


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


def _needs(body: Mapping[str, Any], messages: list[dict[str, Any]]) -> frozenset[str]:
    needs = set()
    if body.get("tools") and body.get("tool_choice") != "none":
        needs.add("tools")
    response_format = body.get("response_format")
    if isinstance(response_format, dict) and response_format.get("type") in STRUCTURED_FORMATS:
        needs.add("structured_outputs")
    if body.get("structured_outputs") or any(value for key, value in body.items() if key.startswith("guided_")):
        needs.add("structured_outputs")
    parts = (part for m in messages if isinstance(m.get("content"), list) for part in m["content"])
    if any(isinstance(part, dict) and "image" in str(part.get("type")) for part in parts):
        needs.add("vision")
    return frozenset(needs)


# -- prompts ---------------------------------------------------------------------------------------------------------


def _is_ids(prompt: Any) -> bool:
    return isinstance(prompt, list) and bool(prompt) and all(is_int(item) and item >= 0 for item in prompt)


def _is_prompt(prompt: Any) -> bool:
    if isinstance(prompt, str):
        return bool(prompt)
    if not isinstance(prompt, list) or not prompt:
        return False
    return _is_ids(prompt) or all(_is_ids(item) or (isinstance(item, str) and item) for item in prompt)


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN
