"""Train a configuration of ../train-configs.json with PyTorch: transformers' Dots1ForCausalLM and AdamW, all in f32.

    pip install torch transformers numpy
    python torch-train.py moe-19m [--experts eager] [--compile] [--attention sdpa] [--threads 2] [--steps 6] [--warmup 2]

Prints one JSON document: tokens a second (median over the steps after the warm-up ones), loss and milliseconds of each
step, and the most memory the process had, with what it had before there was a model. A step is: cross-entropy of 8 x 512
tokens, backward, gradients clipped to norm 1, AdamW as fast as PyTorch has it (fused). Tokens are drawn from a skewed
distribution, so that the experts are not needed equally; weights start as transformers makes them.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path

import torch
import transformers

GOLDEN = Path(__file__).parents[2] / "test" / "golden" / "dots1"
sys.dont_write_bytecode = True
sys.path.insert(0, str(GOLDEN))
from random_weights import random_bits  # noqa: E402


def batch(vocab_size, sequences, length, step):
    """Ids floor(V u^3): the smaller ones are frequent. The same in every implementation that has `random_bits`."""
    u = random_bits("batch", step, sequences * length) / 4294967296.0
    return torch.from_numpy((vocab_size * (u * u * u)).astype("int64")).reshape(sequences, length)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--experts", default="eager", help="experts_implementation of transformers")
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--warmup", type=int, default=2)
    flags = parser.parse_args()
    entry = json.loads((Path(__file__).parents[1] / "train-configs.json").read_text())[flags.name]
    sequences, length = entry["batch"]["sequences"], entry["batch"]["length"]

    torch.set_num_threads(flags.threads)
    torch.manual_seed(1)
    before = peak_bytes()
    config = transformers.Dots1Config(**entry["config"])
    config._attn_implementation = flags.attention
    config._experts_implementation = flags.experts
    model = transformers.Dots1ForCausalLM(config).float().train()
    assert model.config._experts_implementation == flags.experts
    total = sum(p.numel() for p in model.parameters()) + sum(b.numel() for n, b in model.named_buffers() if "bias" in n)
    assert total == entry["parameters"]["total"], (total, entry["parameters"])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=3e-4, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1, fused=True
    )
    run = torch.compile(model) if flags.compile else model

    losses, seconds = [], []
    for step in range(flags.warmup + flags.steps):
        tokens = batch(config.vocab_size, sequences, length, step)
        start = time.perf_counter()
        loss = run(tokens, labels=tokens, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
        print(f"step {step}: loss {losses[-1]:.4f}, {seconds[-1]:.2f} s", file=sys.stderr)
    timed = seconds[flags.warmup :]
    rates = [sequences * length / s for s in timed]
    print(
        json.dumps(
            {
                "who": f"PyTorch {flags.experts}{' compiled' if flags.compile else ''}",
                "version": f"torch {torch.__version__}, transformers {transformers.__version__}",
                "threads": flags.threads,
                "tokensPerSecond": {
                    "median": statistics.median(rates),
                    "min": min(rates),
                    "max": max(rates),
                },
                "stepMs": [round(1000 * s) for s in seconds],
                "losses": losses,
                "peakBytes": peak_bytes(),
                "peakBytesBeforeModel": before,
            }
        )
    )


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
