"""Whatever is wrong with a spec file comes out as a SpecError that says where it is and what to write."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.loading import MAX_BYTES, MAX_PROBLEMS, PROJECT_ROOT, SpecError, absent_folders, load_spec
from cluster.spec import FleetSpec

GOOD = """
hardware:
  h100: {device: H100, devices_per_node: 8, nodes: 2}
  l4: {device: L4}
pools:
  large:
    tier: large
    model: org/big
    hardware: h100
    engine: {kind: vllm, options: {max_model_len: 8192}}
    parallel: {tensor: 4}
    replicas: {min: 1, max: 2}
"""


def refusal(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "fleet.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    message = str(caught.value)
    assert all(line.startswith(f"{path}: ") for line in message.splitlines()), message
    return message.replace(f"{path}: ", "")


def test_the_good_spec_is_good(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(GOOD)
    assert load_spec(path).pools["large"].parallel.tensor == 4


KEY = "a" * 64

# (what is replaced in GOOD, by what, every part the message has to have)
OWN = "{name: RX-7900, memory_gib: 24, resource: amd.com/gpu}"

BROKEN = [
    # unknown keys, at each level
    ("pools:", "pool:", ["pool: unknown key", "did you mean 'pools'?"]),
    ("hardware:\n", "hardwares:\n", ["hardwares: unknown key", "did you mean 'hardware'?"]),
    ("    tier: large", "    teir: large", ["pools.large.teir: unknown key", "'tier'", "pools.large.tier: is missing"]),
    ("{tensor: 4}", "{tensr: 4}", ["pools.large.parallel.tensr", "did you mean 'tensor'?"]),
    ("{min: 1, max: 2}", "{min: 1, maximum: 2}", ["pools.large.replicas.maximum", "did you mean 'max'?"]),
    ("options: {max", "optons: {max", ["pools.large.engine.optons", "did you mean 'options'?"]),
    ("devices_per_node", "device-per-node", ["hardware.h100.device-per-node", "did you mean 'devices_per_node'?"]),
    ("hardware:\n", "gateway: {prot: 80}\nhardware:\n", ["gateway.prot", "did you mean 'port'?"]),
    ("hardware:\n", "gateway: {replicas: {mni: 1}}\nhardware:\n", ["gateway.replicas.mni", "did you mean 'min'?"]),
    ("hardware:\n", "routing: {large: 1}\nhardware:\n", ["routing.large: unknown key"]),
    ("hardware:\n", "scaling: {zzz: 1}\nhardware:\n", ["scaling.zzz", "use one of target_ongoing, "]),
    (
        "hardware:\n",
        f"gateway: {{api_keys: {{ann: {{sha256: {KEY}}}, bob: {{sha256: {KEY}}}}}}}\nhardware:\n",
        ["gateway.api_keys.bob.sha256: is the key of ann too"],
    ),
    # keys in the wrong place
    ("    tier: large", "    tier: large\n    tensor: 2", ["pools.large.tensor: unknown key", "move it to parallel"]),
    ("    tier: large", "    tier: large\n    max_model_len: 2", ["max_model_len", "move it to engine.options"]),
    ("{kind: vllm, ", "{block_size: 32, kind: vllm, ", ["engine.block_size", "move it to options"]),
    # engine options
    ("max_model_len", "max_model_length", ["pools.large.engine.options.max_model_length", "'max_model_len'?"]),
    ("max_model_len", "max-model-len", ["engine.options.max-model-len", "did you mean 'max_model_len'?"]),
    ("max_model_len: 8192", "max_model_len: 8k", ["options.max_model_len: invalid value '8k'", "a whole number"]),
    ("max_model_len: 8192", "max_num_seqs: 0", ["options.max_num_seqs: invalid value 0", "at least 1"]),
    ("max_model_len: 8192", "gpu_memory_utilization: 90", ["invalid value 90", "above 0 and at most 1"]),
    ("max_model_len: 8192", "gpu_memory_utilization: .nan", ["invalid value nan", "above 0 and at most 1"]),
    ("max_model_len: 8192", "dtype: fp32", ["options.dtype: invalid value 'fp32'", "float32"]),
    ("max_model_len: 8192", "tensor_parallel_size: 2", ["options.tensor_parallel_size", "use parallel.tensor instead"]),
    ("max_model_len: 8192", "worker_cls: a.B", ["options.worker_cls: Signalbox sets", "remove it"]),
    ("max_model_len: 8192", "a: 1, b: 2", ["options.a: not an argument", "options.b: not an argument"]),
    ("max_model_len: 8192", "1: 2", ["engine.options.1: invalid key 1", "text"]),
    (
        "kind: vllm, options: {max",
        "kind: simulated, options: {foo: 1, max",
        ["not an argument of the simulated engine"],
    ),
    # wrong types and values
    ("tier: large", "tier: huge", ["pools.large.tier: invalid value 'huge'", "'small', 'moe' or 'large'"]),
    ("tensor: 4", 'tensor: "4"', ["pools.large.parallel.tensor: invalid value '4'", "a whole number, without quotes"]),
    ("tensor: 4", "tensor: yes", ["parallel.tensor: invalid value True", "a whole number"]),
    ("tensor: 4", "tensor: 1.5", ["parallel.tensor: invalid value 1.5", "a whole number"]),
    ("tensor: 4", "tensor: 0", ["parallel.tensor: invalid value 0", "at least 1"]),
    ("tensor: 4", "tensor: -4", ["parallel.tensor: invalid value -4", "at least 1"]),
    ("tensor: 4", "tensor:", ["parallel.tensor: invalid value nothing", "a whole number"]),
    (
        "{tensor: 4}",
        "[4]",
        ["pools.large.parallel: invalid value a list of 1", "keys from: tensor, pipeline, expert, data"],
    ),
    ("{tensor: 4}", "", ["pools.large.parallel: invalid value nothing", "a mapping with keys from: tensor"]),
    ("tensor: 4", "tensor: 4, expert: 3", ["pools.large.parallel.expert: invalid value 3", "use 1 or 4"]),
    ("tensor: 4", "expert: 2", ["pools.large.parallel.expert: invalid value 2", "use 1"]),
    ("max: 2", "max: 0", ["pools.large.replicas.max: invalid value 0", "at least 1"]),
    ("min: 1, max: 2", "min: 3, max: 2", ["pools.large.replicas.min: invalid value 3", "at most 2"]),
    ("min: 1", "min: -1", ["pools.large.replicas.min: invalid value -1", "at least 0"]),
    ("model: org/big", "model: 7", ["pools.large.model: invalid value 7", "text"]),
    ("model: org/big", 'model: ""', ["pools.large.model: invalid value ''", "at least one character"]),
    ("    model: org/big\n", "", ["pools.large.model: is missing", "hub id"]),
    ("tier: large", "tier: large\n    aliases: big", ["pools.large.aliases: invalid value 'big'", "a list"]),
    ("tier: large", "tier: large\n    aliases: [1]", ["pools.large.aliases.0: invalid value 1", "text"]),
    (
        "tier: large",
        "tier: large\n    capabilities: [tool]",
        ["pools.large.capabilities.0: invalid value 'tool'", "'tools'"],
    ),
    (
        "tier: large",
        "tier: large\n    placement: tight",
        ["pools.large.placement: invalid value 'tight'", "'strict_pack'"],
    ),
    ("tier: large", "tier: large\n    prices: {replica_per_hour: -1}", ["prices.replica_per_hour: invalid value -1"]),
    ("tier: large", "tier: large\n    prices: {replica_per_hour: .inf}", ["invalid value inf", "a finite number"]),
    ("hardware:\n", "gateway: {port: 70000}\nhardware:\n", ["gateway.port: invalid value 70000", "at most 65535"]),
    (
        "hardware:\n",
        "gateway: {default_priority: urgent}\nhardware:\n",
        ["gateway.default_priority", "'urgent'", "normal"],
    ),
    ("hardware:\n", "routing: {cost_weight: -1}\nhardware:\n", ["routing.cost_weight: invalid value -1", "at least 0"]),
    (
        "hardware:\n",
        "routing: {default: auto:fast}\nhardware:\n",
        ["routing.default: invalid value 'fast'", "cheap, best"],
    ),
    ("hardware:\n", "routing: {budget: {}}\nhardware:\n", ["routing.budget.mean_cost", "mean_cost or large_share"]),
    (
        "hardware:\n",
        "routing: {budget: {large_share: 0.4, mean_cost: 1}}\nhardware:\n",
        ["routing.budget.mean_cost: a budget is one number"],
    ),
    (
        "hardware:\n",
        "routing: {budget: {mean_cost: 1}}\nhardware:\n",
        ["routing.budget.mean_cost: no pool has token prices: add prices"],
    ),
    ("hardware:\n", "name: My Fleet\nhardware:\n", ["name: invalid value 'My Fleet'", "lower-case letters"]),
    # hardware
    ("device: L4", "device: l4", ["hardware.l4.device: invalid value 'l4'", "did you mean 'L4'?"]),
    ("device: L4", "device: L41", ["hardware.l4.device: invalid value 'L41'", "use one of cpu; NVIDIA T4, A10"]),
    ("device: L4", "device: 4", ["hardware.l4.device: invalid value 4", "use a name such as L4, or a mapping"]),
    (
        "device: L4",
        "device: {}",
        ["hardware.l4.device.memory_gib: is missing", "hardware.l4.device.resource: is missing"],
    ),
    (
        "device: L4",
        f"device: {OWN.replace('24', '-1')}",
        ["hardware.l4.device.memory_gib: invalid value -1", "above 0"],
    ),
    ("device: L4", f"device: {OWN.replace('amd.com/', '')}", ["device.resource: invalid value 'gpu'", "amd.com/gpu"]),
    ("device: L4", f"device: {OWN.replace('RX-7900', 'R X')}", ["device.name: invalid value 'R X'", "use letters"]),
    (
        "device: L4",
        f"device: {OWN.replace('memory_gib', 'memory')}",
        ["device.memory: unknown key: did you mean 'memory_gib'?"],
    ),
    ("device: H100", "device: TPU-v5e", ["pools.large.hardware: no engine here runs on a TPU-v5e", "kind remote"]),
    ("nodes: 2", "nodes: 1000000", ["hardware.h100.nodes: invalid value 1000000", "at most 1000"]),
    ("hardware: h100", "hardware: h10", ["pools.large.hardware: invalid value 'h10'", "did you mean 'h100'?"]),
    ("    hardware: h100\n", "", ["pools.large.hardware: is missing: use one of h100, l4"]),
    # names
    ("  large:", "  Large_1:", ["pools.Large_1: invalid key 'Large_1'", "lower-case letters"]),
    ("  large:", "  1:", ["pools.1: invalid key 1", "text"]),
    ("  large:", "  auto:", ["pools.auto: the name 'auto' already means the router's choice"]),
    ("tier: large", "tier: large\n    aliases: [auto]", ["pools.large.aliases: the name 'auto'"]),
    ("tier: large", "tier: large\n    aliases: ['auto:x']", ["the name 'auto:x' already means the router's choice"]),
    ("tier: large", "tier: large\n    aliases: [small]", ["pools.large.aliases", "already means the tier small"]),
    (GOOD[GOOD.index("pools") :], "pools: {}", ["pools: invalid value a mapping of 0", "at least one entry"]),
    (GOOD[GOOD.index("pools") :], "pools: [a]", ["pools: invalid value a list of 1", "a mapping"]),
    (GOOD[GOOD.index("pools") :], "", ["pools: is missing"]),
    # folders
    ("org/big", "./nowhere", ["pools.large.model: there is no folder './nowhere'"]),
    ("org/big", "/nowhere/at/all", ["pools.large.model", "use an existing folder or a hub id"]),
    ("org/big", "demo/models/gone", ["pools.large.model", "make demo-models"]),
    ("tier: large", "tier: large\n    tokenizer: ../gone", ["pools.large.tokenizer", "no folder"]),
    # YAML
    ("tier: large", "tier: large\n    tier: small", ["line 8, column 5: ", "the key 'tier' appears twice"]),
    ("  l4: {device: L4}", "  l4: {device: L4", ["line ", "column ", "not valid YAML"]),
    ("    tier: large", "\ttier: large", ["line 7, column 1", "not valid YAML"]),
    ("org/big", "*gone", ["line 8, column 12", "undefined alias"]),
    ("org/big", "!!python/name:os.system", ["line 8, column 12", "use text in quotes"]),
    ("org/big", "2026-11-20", ["line 8, column 12", "type timestamp", "use text in quotes"]),
    ("org/big", "!!int x", ["not valid YAML"]),
    ("{tensor: 4}", "&a {tensor: *a}", ["line 11, column 15", "contains itself"]),
    ("tier: large", "[tier]: large", ["line 7, column 5", "a plain name"]),
    ("org/big", '"\\ud800"', ["line 8", "not valid text"]),
    ("hardware:\n", "--- {}\n---\nhardware:\n", ["not valid YAML", "single document"]),
]


@pytest.mark.parametrize(("old", "new", "parts"), BROKEN, ids=[f"{new.strip()[:40]}" for _, new, _ in BROKEN])
def test_broken_specs_say_where_and_what_to_use(tmp_path, old, new, parts):
    assert old in GOOD
    message = refusal(tmp_path, GOOD.replace(old, new, 1))
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "invalid value nothing, use a mapping with the key `pools`"),
        ("# only a comment\n", "invalid value nothing"),
        ("- a\n- b\n", "invalid value a list of 2"),
        ("just text", "invalid value 'just text'"),
        (b"\xff\xfe\x00binary", "not a text file"),
        (b"a: \x00\x01", "not valid YAML"),
        ("[" * 50_000, "nested too deeply"),
        ("a: " + "x" * MAX_BYTES, "too long for a spec"),
        ("1: 2", "invalid key 1"),
        ('"a\\nb": 1', "'a\\nb': unknown key"),
    ],
    ids=["empty", "comment", "list", "text", "binary", "control", "deep", "long", "number-key", "newline-key"],
)
def test_files_that_are_no_spec(tmp_path, content, part):
    assert part in refusal(tmp_path, content)


def test_a_directory_and_a_missing_file_are_said_plainly(tmp_path):
    with pytest.raises(SpecError, match="Is a directory"):
        load_spec(tmp_path)
    with pytest.raises(SpecError, match="No such file"):
        load_spec(tmp_path / "gone.yaml")
    with pytest.raises(SpecError, match="null byte"):
        load_spec("a\0b")


def test_aliases_that_unfold_without_end_are_refused(tmp_path):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "with aliases expanded" in refusal(tmp_path, "\n".join(levels))


def test_aliases_and_merge_keys_work(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text("""
pools:
  small: {tier: small, model: a/b, engine: &e {options: &o {max_model_len: 512}}}
  large: {tier: large, model: c/d, engine: {<<: *e, options: {<<: *o, max_num_seqs: 4}}}
""")
    assert load_spec(path).pools["large"].engine.options == {"max_model_len": 512, "max_num_seqs": 4}


def test_two_pools_must_not_share_a_name(tmp_path):
    again = GOOD + "  other: {tier: large, model: org/big, hardware: l4}\n"
    assert "pools.other.model: the name 'org/big' already means pool large" in refusal(tmp_path, again)
    assert "pools.other.aliases: the name 'large'" in refusal(
        tmp_path, again.replace("org/big, h", "x/y, aliases: [large], h")
    )


def test_all_problems_are_said_at_once_but_not_thousands(tmp_path):
    wrong = GOOD.replace("tensor: 4", "tensor: 0").replace("nodes: 2", "nodes: 0").replace("org/big", "./gone")
    assert len(refusal(tmp_path, wrong).splitlines()) == 3
    lines = refusal(tmp_path, "\n".join(f"key{n}: 1" for n in range(500))).splitlines()
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == f"and {501 - MAX_PROBLEMS} more problems"  # 500 unknown keys and no pools


# -- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["spec", "cwd", "project"])
def test_model_folders_become_absolute_and_keep_their_name(tmp_path, monkeypatch, base):
    where = {"spec": tmp_path / "spec", "cwd": tmp_path / "cwd", "project": tmp_path / "project"}
    for folder in where.values():
        folder.mkdir()
    (where[base] / "weights").mkdir()
    monkeypatch.chdir(where["cwd"])
    monkeypatch.setattr("cluster.loading.PROJECT_ROOT", where["project"])
    path = where["spec"] / "fleet.yaml"
    path.write_text(GOOD.replace("model: org/big", "model: weights\n    tokenizer: weights"))
    pool = load_spec(path).pools["large"]
    assert pool.model == pool.tokenizer == str(where[base] / "weights")
    assert pool.public_name == "weights"


def test_a_hub_id_and_a_served_name_stay_as_written(tmp_path):
    path = tmp_path / "fleet.yaml"
    (tmp_path / "weights").mkdir()
    path.write_text(GOOD)
    assert load_spec(path).pools["large"].model == "org/big"
    path.write_text(GOOD.replace("model: org/big", "model: weights\n    served_name: mine"))
    assert load_spec(path).pools["large"].public_name == "mine"


@pytest.mark.parametrize("path", sorted((PROJECT_ROOT / "examples").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_loaded_spec_can_be_sent_as_json(path):
    spec = load_spec(path)
    assert FleetSpec.model_validate(json.loads(json.dumps(spec.model_dump(mode="json")))) == spec


# -- anything else ---------------------------------------------------------------------------------------------------

NAMES = "pools hardware gateway large tier model tokenizer engine kind options parallel tensor replicas min aliases"
KEYS = st.sampled_from(NAMES.split())
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["large", "H100"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS.filter(lambda s: s == s), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tree=TREES, at=st.sampled_from([(), ("pools",), ("pools", "large"), ("pools", "large", "engine"), ("hardware",)])
)
def test_any_values_load_or_are_refused(tmp_path, tree, at):
    data = yaml.safe_load(GOOD)
    inside = data
    for key in at[:-1]:
        inside = inside[key]
    data, inside = (tree, None) if not at else (data, inside)
    if inside is not None:
        inside[at[-1]] = tree
    _load_or_refuse(tmp_path, yaml.safe_dump(data, allow_unicode=True).encode("utf-8", "replace"))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    text=st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>#?%@`'\"\n\t \\,<~.0é\0"), max_size=60) | st.binary(max_size=40)
)
def test_any_text_loads_or_is_refused(tmp_path, text):
    _load_or_refuse(tmp_path, text if isinstance(text, bytes) else text.encode())


def _load_or_refuse(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.yaml"
    path.write_bytes(content)
    with contextlib.suppress(SpecError):
        json.dumps(load_spec(path).model_dump(mode="json"))


ON_VOLUME = """
hardware: {gpu: {device: L4}}
pools:
  small:
    tier: small
    model: MOUNT/mistral
    adapters: {formal: MOUNT/loras/formal}
kubernetes: {weights: WEIGHTS}
"""


@pytest.mark.parametrize(
    ("mount", "weights"),
    [("/models", "{claim: shared}"), ("/mnt/w", "{claim: shared, mount: /mnt/w}"), ("/models", "{size: 1Ti}")],
)
def test_folders_on_the_weights_volume_need_not_be_here(tmp_path, mount, weights):
    """They were refused, so that a model on an existing volume could not be deployed."""
    path = tmp_path / "fleet.yaml"
    path.write_text(ON_VOLUME.replace("MOUNT", mount).replace("WEIGHTS", weights))
    spec = load_spec(path)
    assert spec.pools["small"].model == f"{mount}/mistral"
    assert dict(absent_folders(spec)) == {
        "pools.small.model": f"{mount}/mistral",
        "pools.small.adapters.formal": f"{mount}/loras/formal",
    }


@pytest.mark.parametrize("weights", ["null", "{mount: /mnt/w}"])
def test_other_folders_that_are_not_here_are_refused(tmp_path, weights):
    path = tmp_path / "fleet.yaml"
    path.write_text(ON_VOLUME.replace("MOUNT", "/models").replace("WEIGHTS", weights))
    with pytest.raises(SpecError, match=r"pools\.small\.model: there is no folder '/models/mistral'"):
        load_spec(path)
