"""Both formats are read; whatever is wrong is problem with line and field."""

from __future__ import annotations

import pytest

from simulation.trace_files import TraceError, read_trace

AZURE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,0"
)
MOONCAKE = (
    '{"timestamp": 27000, "input_length": 600, "output_length": 5, "hash_ids": [0, 1]}\n'
    '{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0]}\n'
)


def write(folder, text):
    path = folder / "trace"
    path.write_text(text, newline="")
    return path


def test_azure(tmp_path):
    load = read_trace(write(tmp_path, AZURE))
    assert load.arrival_s.tolist() == pytest.approx([0.0, 4.314579], abs=1e-6)
    assert load.prompt_tokens.tolist() == [374, 396]
    assert load.answer_tokens.tolist() == [44, 1]  # an engine answers with a token at least
    assert load.hashes is None
    assert load.duration_s > load.arrival_s[-1]


def test_mooncake_is_sorted_by_time(tmp_path):
    load = read_trace(write(tmp_path, MOONCAKE))
    assert load.arrival_s.tolist() == [0.0, 27.0]
    assert load.prompt_tokens.tolist() == [6758, 600]
    assert load.hashes == [(0,), (0, 1)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ":1: invalid header ''"),
        (
            "a,b,c\n1,2,3",
            ":1: invalid header 'a,b,c', use TIMESTAMP,ContextTokens,GeneratedTokens (Azure), or JSON",
        ),
        (AZURE + "\n2023-11-16 18:16:00,12", ":4: has 2 fields, use three"),
        (AZURE + "\nyesterday,12,13", ":4: TIMESTAMP: invalid value 'yesterday', use a time such as 2023-11-16"),
        (AZURE + "\n2023-11-16 18:16:00,many,13", ":4: ContextTokens: invalid value 'many', use a number of tokens"),
        (AZURE + "\n2023-11-16 18:16:00,1,-3", ":4: GeneratedTokens: invalid value '-3'"),
        (AZURE + f"\n2023-11-16 18:16:00,1,{'9' * 5000}", ":4: GeneratedTokens: invalid value '999"),
        (AZURE.rsplit("\r", 1)[0], "has 1 requests at one time, use requests over a span of time"),
        (MOONCAKE + "{", ":3: invalid JSON"),
        (MOONCAKE + "[1]", ":3: invalid value a list of 1, use an object"),
        (MOONCAKE + '{"timestamp": "soon"}', ":3: timestamp: invalid value 'soon', use milliseconds"),
        (MOONCAKE + '{"timestamp": NaN}', ":3: timestamp: invalid value nan"),
        (MOONCAKE + '{"timestamp": 1}', ":3: input_length: is missing, use a number of tokens"),
        (
            MOONCAKE + '{"timestamp": 1, "input_length": 1, "output_length": true}',
            ":3: output_length: invalid value True",
        ),
        (
            MOONCAKE + '{"timestamp": 1, "input_length": 1, "output_length": 1, "hash_ids": 3}',
            ":3: hash_ids: invalid value 3, use a list of integers",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, problem):
    with pytest.raises(TraceError) as raised:
        read_trace(write(tmp_path, text))
    assert problem in str(raised.value)
    assert str(tmp_path / "trace") in str(raised.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match="not a text file"):
        read_trace(tmp_path / "binary")
