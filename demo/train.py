"""Trains one demo model: `python -m demo.train --model small|moe|large [--minutes N] [--resume] [--from-shipped]`.

Train `small` first: the two others start from its weights (demo/growth.py), which saves most of their time.

The learning rate falls with the share of the time that is used, so a run fits any machine. The data are seeded. Every
improvement is exported to demo/models/<name>/, ready for transformers and vLLM.
"""

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from demo.architectures import MODEL_NAMES, MODELS_FOLDER, build_model
from demo.conversations import chunk_batches
from demo.evaluate import accuracy
from demo.growth import grow
from demo.tasks import LEVELS, generate_tasks
from demo.tokenizer import load_tokenizer

STATE_FOLDER = Path(__file__).parent / ".train"
WARMUP_STEPS = 40
BATCH_TOKENS = 3000  # padding included
FINISH_SHARE = 0.2  # share of the time for a recipe's last mix of levels
MAX_NEW_TOKENS = 256  # for generation_config.json; no demo answer is longer


@dataclass(frozen=True)
class Recipe:
    """How to train one model. A level that appears twice is twice as frequent."""

    levels: tuple[int, ...]
    """The task mix, until the last fifth of the time."""

    finish_levels: tuple[int, ...]
    """The task mix of the last fifth."""

    minutes: float
    learning_rate: float


# The small model sees mostly one-step tasks, and almost only those at the end. It should be cheap and good at them, not
# solve everything.
RECIPES = {
    "small": Recipe((1, 1, 1, 1, 2, 1, 1, 2, 1, 3), (1,) * 19 + (2,), minutes=50, learning_rate=3e-3),
    "moe": Recipe((1, 2, 1, 2, 3), (1, 2, 1, 2, 3), minutes=35, learning_rate=2e-3),
    "large": Recipe((1, 2, 3, 1, 3), (1, 2, 3, 1, 3), minutes=40, learning_rate=2e-3),
}


@dataclass
class Position:
    """Progress of a run, which is saved and resumed together with weights and optimisers."""

    step: int = 0
    chunk: int = 0
    elapsed_s: float = 0.0
    best: float = -1.0


def compile_layers(model: PreTrainedModel) -> None:
    """Compile the layers, except expert routing, which does not compile. This saves a third of the time."""
    for layer in model.model.layers:
        if hasattr(model.config, "num_local_experts"):
            parts = (layer.self_attn, layer.input_layernorm, layer.post_attention_layernorm)
        else:
            parts = (layer,)
        for part in parts:
            part.compile(dynamic=True)


def optimisers(model: PreTrainedModel, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, as it needs fewer steps, and AdamW for embeddings, norms and stacked experts."""
    matrices, others = [], []
    for name, parameter in model.named_parameters():
        inside_layer = ".layers." in name and parameter.ndim == 2
        (matrices if inside_layer else others).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=learning_rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=learning_rate, weight_decay=0.02, betas=(0.9, 0.95)),
    ]


def learning_rate_share(step: int, progress: float) -> float:
    """Warm-up over the first steps, then a cosine over the time budget (`progress` 0..1) down to 2%."""
    return min(1.0, (step + 1) / WARMUP_STEPS) * (0.02 + 0.49 * (1 + math.cos(math.pi * min(1.0, progress))))


def train_step(
    model: PreTrainedModel,
    steppers: list[torch.optim.Optimizer],
    ids: torch.Tensor,
    labels: torch.Tensor,
    rate: float,
) -> float:
    """Run one update and return the loss. bf16 is several times faster on CPUs with AMX; the weights stay fp32."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        extra = {"output_router_logits": True} if hasattr(model.config, "num_local_experts") else {}
        loss = model(input_ids=ids, labels=labels, use_cache=False, **extra).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = rate
        stepper.step()
        stepper.zero_grad(set_to_none=True)
    return loss.item()


def snapshot(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """An uncompiled copy for evaluation and export. Generating with the compiled model would compile it again."""
    copy = build_model(name).eval()
    copy.load_state_dict(model.state_dict())
    copy.generation_config.update(max_new_tokens=MAX_NEW_TOKENS, do_sample=False)
    return copy


def evaluate_now(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, name: str) -> float:
    """Print the accuracy on 25 tasks per level, seen and fresh. Return its mean (0..1) over the final mix of levels."""
    started = time.monotonic()
    scores: dict[str, dict[int, float]] = {}
    for wording, fresh in (("seen", False), ("fresh", True)):
        tasks = {level: generate_tasks(25, seed=77, levels=(level,), fresh=fresh) for level in LEVELS}
        scores[wording] = {level: accuracy(model, tokenizer, tasks[level])[0] for level in LEVELS}
    shown = "  ".join(
        f"{wording} " + "/".join(f"{100 * share:.0f}" for share in by_level.values())
        for wording, by_level in scores.items()
    )
    print(f"{name}: accuracy in % by level: {shown}  ({time.monotonic() - started:.0f} s)", flush=True)
    levels = RECIPES[name].finish_levels
    return sum(by_level[level] for by_level in scores.values() for level in levels) / (2 * len(levels))


def training_batches(
    tokenizer: PreTrainedTokenizerFast, recipe: Recipe, position: Position, seed: int, budget_s: float
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless (token ids, labels). It counts chunks in `position` and changes to the last mix of levels in time."""
    while True:
        finishing = position.elapsed_s >= (1 - FINISH_SHARE) * budget_s
        yield from chunk_batches(
            tokenizer.backend_tokenizer,
            levels=recipe.finish_levels if finishing else recipe.levels,
            seed=seed,
            chunk=position.chunk,
            batch_tokens=BATCH_TOKENS,
        )
        position.chunk += 1


def start(
    name: str, seed: int, resume: bool, from_shipped: bool
) -> tuple[PreTrainedModel, list[torch.optim.Optimizer], Position]:
    """A model to train: resumed from the last run, from the shipped weights, grown from `small`, or new."""
    torch.manual_seed(seed)
    model = build_model(name).train()
    model.set_attn_implementation("eager")  # at these lengths, its backward pass is twice as fast as SDPA's on CPU
    state_file = STATE_FOLDER / f"{name}.pt"
    resume = resume and state_file.exists()
    if not resume and from_shipped:
        shipped = AutoModelForCausalLM.from_pretrained(MODELS_FOLDER / name, dtype=torch.float32)
        model.load_state_dict(shipped.state_dict())
    elif not resume and name != "small":
        small = AutoModelForCausalLM.from_pretrained(MODELS_FOLDER / "small", dtype=torch.float32)
        grow(model, small, name)
    compile_layers(model)
    steppers = optimisers(model, RECIPES[name].learning_rate)
    return model, steppers, load_state(state_file, model, steppers) if resume else Position()


def train(name: str, minutes: float, seed: int, resume: bool, from_shipped: bool, eval_every_s: float) -> None:
    """Train one model for a number of minutes of training steps, and export every improvement."""
    recipe, budget_s = RECIPES[name], minutes * 60
    tokenizer = load_tokenizer(MODELS_FOLDER / name)
    model, steppers, position = start(name, seed, resume, from_shipped)
    if from_shipped and position.step == 0:
        position.best = evaluate_now(snapshot(model, name), tokenizer, name)  # worse weights must not replace them
    next_eval_s = position.elapsed_s + eval_every_s
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, refresh_per_second=0.2) as bar:
        task = bar.add_task(name, total=budget_s)
        started = time.monotonic()
        for ids, labels in training_batches(tokenizer, recipe, position, seed, budget_s):
            rate = recipe.learning_rate * learning_rate_share(position.step, position.elapsed_s / budget_s)
            loss = train_step(model, steppers, ids, labels, rate)
            spent_s = time.monotonic() - started
            position.step += 1
            position.elapsed_s += spent_s
            text = f"{name} step {position.step} loss {loss:.4f} {ids.numel() / spent_s:.0f} tokens/s"
            bar.update(task, completed=position.elapsed_s, description=text)
            if position.step % 50 == 0:
                print(text, f"{position.elapsed_s / 60:.1f} min", flush=True)
            if position.elapsed_s >= min(next_eval_s, budget_s):
                next_eval_s = position.elapsed_s + eval_every_s
                evaluate_and_save(model, steppers, tokenizer, name, position)
            if position.elapsed_s >= budget_s:
                return
            started = time.monotonic()


def evaluate_and_save(
    model: PreTrainedModel,
    steppers: list[torch.optim.Optimizer],
    tokenizer: PreTrainedTokenizerFast,
    name: str,
    position: Position,
) -> None:
    """Export the weights in bf16 if they are the best so far, and save the state for `--resume`."""
    copy = snapshot(model, name)
    score = evaluate_now(copy, tokenizer, name)
    if score >= position.best:
        position.best = score
        copy.to(torch.bfloat16).save_pretrained(MODELS_FOLDER / name)
    save_state(STATE_FOLDER / f"{name}.pt", model, steppers, position)


def save_state(path: Path, model: PreTrainedModel, steppers: list[torch.optim.Optimizer], position: Position) -> None:
    """Replace the state file atomically, so that an interrupted save never destroys the previous one."""
    state = {
        "model": model.state_dict(),
        "steppers": [s.state_dict() for s in steppers],
        "position": asdict(position),
    }
    path.parent.mkdir(exist_ok=True)
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def load_state(path: Path, model: PreTrainedModel, steppers: list[torch.optim.Optimizer]) -> Position:
    """Load weights and optimisers from a state file, and return the run's position."""
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for stepper, saved in zip(steppers, state["steppers"], strict=True):
        stepper.load_state_dict(saved)
    return Position(**state["position"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODEL_NAMES, required=True)
    parser.add_argument("--minutes", type=float, help="time for training steps (default: from the model's recipe)")
    parser.add_argument("--seed", type=int, default=0, help="random seed")
    parser.add_argument("--resume", action="store_true", help="continue from demo/.train/<model>.pt")
    parser.add_argument("--from-shipped", action="store_true", help="start from the weights in demo/models/<model>")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--eval-every", type=float, default=480, help="seconds of training between evaluations")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    minutes = arguments.minutes or RECIPES[arguments.model].minutes
    train(arguments.model, minutes, arguments.seed, arguments.resume, arguments.from_shipped, arguments.eval_every)


if __name__ == "__main__":
    main()
