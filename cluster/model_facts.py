"""What the arithmetic needs to know of a model."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN_ARCHITECTURES = frozenset(
    f"{family}ForCausalLM"
    for family in (
        "DeepseekV2 DeepseekV3 Glm4Moe Glm4MoeLite Llama Ministral3 Mistral Mistral4 Mixtral Phi3 Qwen2 Qwen3 Qwen3Moe "
        "SmolLM3 SolarOpen"
    ).split()
)
"""Architectures whose parts add up to the exact count, held by tests against published counts or saved weights."""


@dataclass(frozen=True)
class CacheLayers:
    """Layers that keep the same of a sequence. Sizes count numbers, not bytes."""

    layers: int
    width: int
    """Numbers kept per token and layer: 2 x KV heads x head size, or the latent of MLA; 0 in linear attention."""
    heads: int
    """KV heads that share the width, split over tensor ranks; 1 for the latent of MLA, which is whole on every rank."""
    window: int | None = None
    """Tokens back that these layers see; None: all of them."""
    state: int = 0
    """Numbers kept per sequence and layer, whatever its length: linear attention, state spaces, convolutions."""


@dataclass(frozen=True)
class ModelFacts:
    """Sizes of a decoder-only transformer. Counts are parameters, not bytes."""

    layers: int
    heads: int
    kv_heads: int
    attention: int
    """Parameters of attention in one layer."""
    mlp: int
    """Parameters of a layer's router and shared experts, without its routed experts. In a layer without experts: of the
    MLP."""
    expert: int
    """Parameters of one routed expert; 0 without experts."""
    experts: int
    experts_per_token: int
    moe_layers: int
    """Layers with routed experts; the other layers have a dense MLP."""
    dense_mlp: int
    """Parameters of the MLP in a layer without experts."""
    embeddings: int
    """Parameters of input and output embeddings."""
    small: int
    """Parameters of norms and biases in all layers: never split nor quantised."""
    head_size: int
    vocabulary: int
    """Rows of the embeddings."""
    lora_width: int
    """Inputs plus outputs of all matrices of a layer that adapters can change: attention and, without experts, the
    MLP."""
    caches: tuple[CacheLayers, ...]
    """What the layers keep of a sequence, by kind; all of one kind in most models."""
    is_mla: bool
    ties_embeddings: bool
    """Whether input and output embeddings are one matrix."""
    max_context_tokens: int
    stretches_context: bool
    """Whether the config scales positions (YaRN and the like), so that `max_context_tokens` is not the last word."""
    dtype: str
    quantised: str | None
    """Quantisation method of the checkpoint itself."""
    quantised_bits: int | None
    """Bits per weight of the checkpoint, where its config says so."""
    architecture: str
    """The first of the config's architectures."""
    published: int | None = None
    """All parameters as published; None: the sum of the parts, which is exact for KNOWN_ARCHITECTURES."""
    checkpoint_bytes: int | None = None
    """Bytes of all weights in the checkpoint, as its index or its files say."""

    @property
    def is_counted(self) -> bool:
        """Whether `parameters` is exact, instead of what a Llama of these sizes would have."""
        return self.architecture in KNOWN_ARCHITECTURES or self.published is not None

    @property
    def matrices(self) -> int:
        """Parameters of all layers' matrices without routed experts.

        What a family has beyond the parts that are counted here (a vision tower, gates) is in it, by `published`.
        """
        dense = self.layers * self.attention + (self.layers - self.moe_layers) * self.dense_mlp
        counted = dense + self.moe_layers * self.mlp
        if self.published is None:
            return counted
        return self.published - self.routed - self.embeddings - self.small

    @property
    def routed(self) -> int:
        """Parameters of all routed experts."""
        return self.moe_layers * self.experts * self.expert

    @property
    def kv_growth(self) -> int:
        """Numbers that the KV cache keeps for each token of a sequence, however long it is."""
        return sum(cache.layers * cache.width for cache in self.caches if cache.window is None)

    @property
    def kv_bounded(self) -> int:
        """Numbers that the KV cache keeps of a sequence at most, next to those that grow: windows and states."""
        return sum(cache.layers * (cache.width * (cache.window or 0) + cache.state) for cache in self.caches)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.matrices + self.routed + self.embeddings + self.small

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through."""
        return self.parameters - self.moe_layers * (self.experts - self.experts_per_token) * self.expert
