"""Every value that `settings_that_fit` names fits, and the next one does not."""

from __future__ import annotations

from cluster.facts import facts_of
from cluster.fitting import STEP_TOKENS, Devices, settings_that_fit
from cluster.memory import GIB
from cluster.pool import PoolSpec
from cluster.spec import HardwareSpec

QWEN = "Qwen/Qwen3-8B"
LLAMA_70B = "meta-llama/Meta-Llama-3-70B-Instruct"


def tried(model, device, per_node=1, memory_gib=None, pool=None, **options):
    pool = PoolSpec.model_validate({"tier": "large", "model": model, "engine": {"options": options}, **(pool or {})})
    hardware = HardwareSpec(device=device, devices_per_node=per_node, memory_gib=memory_gib)
    return pool, Devices(facts_of(model), hardware)


def found(*arguments, **options):
    return list(settings_that_fit(*tried(*arguments, **options)))


def fits(*arguments, **options):
    pool, devices = tried(*arguments, **options)
    return devices.fits(pool)


def value(name, texts):
    (text,) = (text for text in texts if text.startswith(f"{name}: "))
    return float(text.split()[1].replace(",", ""))


def test_an_8b_on_an_l4_is_told_the_longest_context():
    texts = found(QWEN, "L4")
    longest = int(value("max_model_len", texts))
    assert fits(QWEN, "L4", max_model_len=longest)
    assert not fits(QWEN, "L4", max_model_len=longest + STEP_TOKENS)
    assert "quantization: fp8 fits" in texts
    assert fits(QWEN, "L4", quantization="fp8")


def test_a_kv_cache_that_is_too_small_is_told_the_smallest_that_holds_a_sequence():
    texts = found(QWEN, "H100", max_model_len=8192, kv_cache_memory_bytes=1)
    assert value("kv_cache_memory_bytes", texts) == 8192 * 144 * 1024


def test_a_kv_cache_that_is_too_large_is_told_the_largest_that_fits():
    size = int(value("kv_cache_memory_bytes", found(QWEN, "L4", max_model_len=8192, kv_cache_memory_bytes=30 * GIB)))
    assert fits(QWEN, "L4", max_model_len=8192, kv_cache_memory_bytes=size)
    assert not fits(QWEN, "L4", max_model_len=8192, kv_cache_memory_bytes=size + 2**20)


def test_a_share_of_the_card_is_the_smallest_that_fits():
    share = value("gpu_memory_utilization", found(QWEN, "H100", gpu_memory_utilization=0.1, max_model_len=8192))
    assert fits(QWEN, "H100", gpu_memory_utilization=share, max_model_len=8192)
    assert not fits(QWEN, "H100", gpu_memory_utilization=share - 0.01, max_model_len=8192)


def test_no_share_is_advised_that_leaves_the_driver_nothing():
    assert fits(QWEN, "L4", gpu_memory_utilization=0.99, max_model_len=32_768)
    assert not any("utilization" in text for text in found(QWEN, "L4", max_model_len=32_768))


def test_a_shared_card_is_told_the_smallest_part_that_fits_and_no_ranks():
    texts = found(QWEN, "H100", per_node=8, pool={"gpu_fraction": 0.1}, max_model_len=8192)
    part = value("gpu_fraction", texts)
    assert fits(QWEN, "H100", pool={"gpu_fraction": part}, max_model_len=8192)
    assert not fits(QWEN, "H100", pool={"gpu_fraction": part - 0.01}, max_model_len=8192)
    assert not any("tensor" in text for text in texts)


def test_the_memory_advised_for_a_shared_card_leaves_room_for_its_context():
    asked = {"max_model_len": 8192, "gpu_memory_utilization": 0.1}
    assert value("gpu_memory_utilization", found(QWEN, "H100", pool={"gpu_fraction": 0.3}, **asked)) < 0.3
    assert fits(QWEN, "H100", max_model_len=8192, gpu_memory_utilization=0.24)
    assert not any("utilization" in text for text in found(QWEN, "H100", pool={"gpu_fraction": 0.24}, **asked))


def test_tensor_ranks_are_the_fewest_that_the_node_and_the_heads_allow():
    assert "parallel.tensor: 2 fits" in found(LLAMA_70B, "H100", per_node=8)
    assert "parallel.tensor: 4 fits" in found(
        LLAMA_70B, "H100", per_node=8, pool={"parallel": {"tensor": 1}}, dtype="float32"
    )
    assert not any("tensor" in text for text in found(LLAMA_70B, "H100", per_node=1))


def test_a_cpu_rank_is_told_neither_shares_nor_fp8():
    texts = found(QWEN, "cpu", memory_gib=20.0)
    assert texts
    assert all(text.startswith("max_model_len") for text in texts)


def test_nothing_is_said_where_nothing_helps():
    assert found(LLAMA_70B, "L4") == []
