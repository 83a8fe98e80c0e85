"""The duration of an engine's steps, in seconds and tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepTimes:
    """The time of one step, in which every sequence of the batch gets a token and prompts are computed.

        weights + per sequence x sequences + per KV token x tokens in the cache
        + per prompt token x prompt tokens + per long token x prompt tokens beyond long_from_tokens
        + per attended pair x (prompt token, attended token) pairs

    A step without prompts reads only the weights that its sequences need. With experts, these are not all weights.
    """

    decode_weights_s: tuple[float, ...]
    """Weights term of a step without prompts, by sequences in the batch (0 to the largest batch)."""
    prefill_weights_s: float
    """Weights term of a step with prompts."""
    per_sequence_s: float
    per_kv_token_s: float
    per_prompt_token_s: float
    per_attended_pair_s: float
    per_long_token_s: float = 0.0
    long_from_tokens: int = 0

    def decode_s(self, sequences: int, kv_tokens: float) -> float:
        """Seconds of a step without prompts."""
        return self.decode_weights_s[sequences] + self.per_sequence_s * sequences + self.per_kv_token_s * kv_tokens

    def prefill_s(self, sequences: int, kv_tokens: float, prompt_tokens: int, attended_pairs: float) -> float:
        """Seconds of a step with prompts and decoding sequences."""
        return (
            self.prefill_weights_s
            + self.per_sequence_s * sequences
            + self.per_kv_token_s * kv_tokens
            + self.per_prompt_token_s * prompt_tokens
            + self.per_attended_pair_s * attended_pairs
            + self.per_long_token_s * max(0, prompt_tokens - self.long_from_tokens)
        )


@dataclass(frozen=True)
class EngineShape:
    """An engine in the simulation: its speed, memory and limits."""

    times: StepTimes
    kv_tokens: int
    """Capacity of the KV cache, in tokens."""
    max_num_seqs: int
    """Maximum sequences in the batch."""
    max_num_batched_tokens: int
    """Maximum tokens of one step, prompts and answers together."""
    max_context_tokens: int
    """Maximum tokens of prompt plus answer."""
    block_tokens: int = 16
    """Size of a KV cache block, in tokens."""
    chunked: bool = True
    """Whether a prompt that exceeds the rest of a step is computed in chunks."""

    def unloaded_ttft_s(self, prompt_tokens: int) -> float:
        """Time to first token of a prompt on an idle engine, in seconds."""
        times, chunk = self.times, self.max_num_batched_tokens if self.chunked else prompt_tokens
        full, rest = divmod(prompt_tokens, chunk)
        seconds = full * times.prefill_s(0, 0.0, chunk, 0.0) + (times.prefill_s(0, 0.0, rest, 0.0) if rest else 0.0)
        return seconds + times.per_attended_pair_s * prompt_tokens**2 / 2
