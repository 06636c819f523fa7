"""Load a checkpoint of `dots train` with transformers and compare its logits with those of `dots logits --all --out`.

    python check_checkpoint.py CHECKPOINT 1,2,3 logits.f32
"""

import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM


def main():
    folder, tokens, logits_file = sys.argv[1:]
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    ids = [int(token) for token in tokens.split(",")]
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids]), use_cache=False).logits[0].numpy()
    ours = np.fromfile(logits_file, "<f4").reshape(logits.shape)
    difference = float(np.abs(ours - logits).max())
    print(f"{type(model).__name__}: {logits.shape} logits, largest difference {difference:.3g}, largest {np.abs(logits).max():.3g}")
    assert difference < 2e-4, difference
    assert (ours.argmax(-1) == logits.argmax(-1)).all()


if __name__ == "__main__":
    main()
