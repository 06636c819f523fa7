"""Record what transformers' Dots1ForCausalLM gives for whole texts in windows, for `dots perplexity`.

    pip install torch transformers tokenizers numpy
    python make_perplexity.py         # reads texts.jsonl, writes perplexity.json

The model is test/fixtures/tiny-hf in f32. A text is tokenized as a whole; windows of N tokens begin half a window apart,
and a window's loss counts for the tokens that none before it counted. The first token of a text is not scored.
"""

import json
import math
from pathlib import Path

import tokenizers
import torch
import transformers

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "fixtures" / "tiny-hf"
WINDOWS = [16, 64, 512]


def nats(model, ids, size):
    """The loss of each window comes from transformers itself: labels of -100 don't count."""
    total, scored = 0.0, 1
    for begin in range(0, len(ids), math.ceil(size / 2)):
        # One token more than the window reads: the target of its last position.
        window = torch.tensor([ids[begin : begin + size + 1]])
        labels = window.clone()
        labels[0, : scored - begin] = -100
        count = int((labels != -100).sum())
        if count > 0:
            total += float(model(window, labels=labels, use_cache=False).loss.double()) * count
            scored += count
        if scored == len(ids):
            return total
    raise AssertionError("not all tokens were scored")


def main():
    torch.set_num_threads(1)
    tokenizer = tokenizers.Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    model = transformers.Dots1ForCausalLM.from_pretrained(
        FOLDER, dtype=torch.float32, attn_implementation="eager", experts_implementation="eager"
    ).eval()
    records = []
    with torch.no_grad():
        for line in (HERE / "texts.jsonl").read_text().splitlines():
            text = json.loads(line)["text"]
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            first = len(tokenizer.decode(ids[:1]).encode())
            record = {"tokens": len(ids) - 1, "bytes": len(text.encode()) - first, "ids": ids}
            record["nats"] = {str(size): nats(model, ids, size) for size in WINDOWS}
            records.append(record)
            print({key: value for key, value in record.items() if key != "ids"})
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "perplexity.json").write_text(json.dumps({"made": made, "texts": records}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
