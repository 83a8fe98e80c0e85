"""Reads and checks OpenAI request bodies for engines without a serving layer."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

NOT_SUPPORTED = (
    "best_of", "echo", "suffix", "use_beam_search", "prompt_logprobs", "structured_outputs", "guided_json",
    "guided_regex", "guided_choice", "guided_grammar", "structural_tag", "allowed_token_ids", "bad_words",
)  # fmt: skip
"""Fields of vLLM's API that these engines do not support. They are rejected instead of ignored."""
MAX_LOGPROBS = 20
MAX_CHOICES = 128


class RejectedBody(Exception):
    """A body that cannot be answered. `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Sampling(BaseModel):
    """Sampling parameters. Names, defaults and bounds are those of OpenAI's and vLLM's APIs."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=-1)
    """0 or -1: all tokens."""
    min_p: float = Field(default=0.0, ge=0, le=1)
    repetition_penalty: float = Field(default=1.0, ge=0.01, le=100)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    frequency_penalty: float = Field(default=0.0, ge=-2, le=2)
    logit_bias: dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=-100, le=100)]] = {}
    min_tokens: int = Field(default=0, ge=0)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    logprobs: int | None = Field(default=None, ge=0, le=MAX_LOGPROBS)
    """Number of most likely tokens to report at each position with the chosen one; None reports nothing."""

    @property
    def changes_nothing(self) -> bool:
        """Whether penalties and biases cannot change which token is the most likely."""
        no_penalties = (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) == (1, 0, 0)
        return no_penalties and not self.logit_bias and not self.min_tokens


class StreamOptions(BaseModel):
    """`stream_options` of a body."""

    include_usage: bool = False


class GenerationParameters(Sampling):
    """The fields of a chat or completion body that an engine uses. Unknown fields are ignored, as clients expect."""

    n: int = Field(default=1, ge=1, le=MAX_CHOICES)
    max_tokens: int | None = Field(default=None, ge=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    stop: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed), Field(max_length=16)] = []
    stop_token_ids: list[int] = []
    ignore_eos: bool = False
    skip_special_tokens: bool = True

    @model_validator(mode="after")
    def _min_below_max(self) -> Self:
        if self.max_tokens is not None and self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens: invalid value {self.min_tokens}, use at most max_tokens, {self.max_tokens}")
        return self

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage


def read_body(kind: str, body: dict[str, Any], defaults: dict[str, Any]) -> GenerationParameters:
    """Check a chat or completion body. `defaults` are the model's (generation_config.json).

    Raises:
        RejectedBody: a field is invalid or not supported by these engines.
    """
    for field in NOT_SUPPORTED:
        if body.get(field):
            raise RejectedBody(f"{field} is not supported by this model's engine, leave it out.", field)
    if body.get("tools") and body.get("tool_choice") != "none":
        raise RejectedBody("tools are not supported by this model's engine, leave them out.", "tools")
    response_format = body.get("response_format")
    if response_format and not (isinstance(response_format, dict) and response_format.get("type", "text") == "text"):
        raise RejectedBody('response_format is not supported by this model\'s engine, use {"type": "text"}.',
                          "response_format")  # fmt: skip
    fields = {name: value for name, value in body.items() if value is not None}
    fields["max_tokens"] = fields.get("max_completion_tokens", fields.get("max_tokens"))
    if kind == "chat":
        fields["logprobs"] = fields.get("top_logprobs", 0) if fields.get("logprobs") else None
    try:
        return GenerationParameters.model_validate(defaults | fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        raise RejectedBody(f"{where}: {text}" if where else text, where or None) from error
