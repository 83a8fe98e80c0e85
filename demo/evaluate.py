"""Measures the demo models: `python -m demo.evaluate` writes accuracy.json and the table in README.md."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, BatchEncoding, PreTrainedModel, PreTrainedTokenizerFast

from demo.architectures import MODEL_NAMES, MODELS_FOLDER
from demo.tasks import LEVELS, Task, generate_tasks, grade
from demo.tokenizer import load_tokenizer

ACCURACY_FILE = Path(__file__).parent / "accuracy.json"
README = Path(__file__).parent / "README.md"
TABLE_MARKS = ("<!-- accuracy -->", "<!-- /accuracy -->")
EVALUATION_SEED = 1_000_003  # no training chunk uses a seed this small
MAX_REPLY_TOKENS = 112


@torch.inference_mode()
def answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, prompts: list[str], batch: int = 50
) -> list[str]:
    """Greedy answers to single user messages. Prompts of similar length share a batch, which reduces padding."""
    texts = [""] * len(prompts)
    for indices, inputs in batches(tokenizer, prompts, batch):
        output = model.generate(**inputs, max_new_tokens=MAX_REPLY_TOKENS, do_sample=False)
        new_tokens = output[:, inputs["input_ids"].shape[1] :]
        for index, text in zip(indices, tokenizer.batch_decode(new_tokens, skip_special_tokens=True), strict=True):
            texts[index] = text
    return texts


def batches(
    tokenizer: PreTrainedTokenizerFast, prompts: list[str], batch: int = 50
) -> Iterator[tuple[list[int], BatchEncoding]]:
    """Indices of the prompts of each batch, and their rendered chats as tokens with padding on the left."""
    chats = [_render(tokenizer, prompt) for prompt in prompts]
    order = sorted(range(len(chats)), key=lambda index: len(chats[index]))
    for start in range(0, len(order), batch):
        indices = order[start : start + batch]
        yield (
            indices,
            tokenizer(
                [chats[i] for i in indices],
                return_tensors="pt",
                padding=True,
                padding_side="left",
                add_special_tokens=False,
                return_token_type_ids=False,
            ),
        )


def _render(tokenizer: PreTrainedTokenizerFast, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def accuracy(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, tasks: list[Task]
) -> tuple[float, dict[str, float]]:
    """Share of right answers (0..1), for all tasks and per kind."""
    texts = answers(model, tokenizer, [task.prompt for task in tasks])
    marks: dict[str, list[bool]] = {}
    for task, text in zip(tasks, texts, strict=True):
        marks.setdefault(task.kind, []).append(grade(task, text))
    right = sum(sum(kind_marks) for kind_marks in marks.values())
    return right / len(tasks), {kind: sum(m) / len(m) for kind, m in sorted(marks.items())}


def measure(name: str, tasks_per_level: int) -> dict[str, dict[str, object]]:
    """Accuracy of one exported model in fp32: {"seen" | "fresh": {"level N": share, "kinds": {...}}}."""
    folder = MODELS_FOLDER / name
    tokenizer = load_tokenizer(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    result: dict[str, dict[str, object]] = {}
    for wording, fresh in (("seen", False), ("fresh", True)):
        kinds: dict[str, float] = {}
        levels: dict[str, object] = {}
        for level in LEVELS:
            tasks = generate_tasks(tasks_per_level, seed=EVALUATION_SEED, levels=(level,), fresh=fresh)
            share, by_kind = accuracy(model, tokenizer, tasks)
            levels[f"level {level}"] = round(share, 3)
            kinds |= {kind: round(value, 3) for kind, value in by_kind.items()}
        result[wording] = {**levels, "kinds": kinds}
        print(name, wording, levels, kinds, flush=True)
    return result


def table(measured: dict[str, dict[str, dict[str, object]]]) -> str:
    """A Markdown table of accuracies in percent, seen / fresh."""
    lines = ["| model | level 1 | level 2 | level 3 |", "|---|---|---|---|"]
    for name, by_wording in measured.items():
        cells = [
            " / ".join(f"{100 * float(by_wording[wording][f'level {level}']):.0f}%" for wording in ("seen", "fresh"))
            for level in LEVELS
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_table(text: str) -> None:
    """Replace the table between the marks in the README."""
    before, rest = README.read_text().split(TABLE_MARKS[0])
    after = rest.split(TABLE_MARKS[1])[1]
    README.write_text(f"{before}{TABLE_MARKS[0]}\n{text}\n{TABLE_MARKS[1]}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200, help="tasks per level and wording")
    parser.add_argument(
        "--model", choices=MODEL_NAMES, action="append", help="model to measure (repeatable; default: all three)"
    )
    arguments = parser.parse_args()
    measured = json.loads(ACCURACY_FILE.read_text())["accuracy"] if ACCURACY_FILE.exists() else {}
    for name in arguments.model or MODEL_NAMES:
        measured[name] = measure(name, arguments.tasks)
    measured = {name: measured[name] for name in MODEL_NAMES if name in measured}
    content = {"tasks_per_level": arguments.tasks, "seed": EVALUATION_SEED, "accuracy": measured}
    ACCURACY_FILE.write_text(json.dumps(content, indent=2) + "\n")
    write_table(table(measured))
    print(table(measured))


if __name__ == "__main__":
    main()
