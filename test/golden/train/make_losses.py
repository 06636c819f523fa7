"""Record 50 steps of training with PyTorch: transformers' Dots1ForCausalLM and torch.optim.AdamW, in f32.

    pip install torch transformers safetensors numpy
    python make_losses.py             # reads runs.json, writes losses.json

Weights and batches are made from names and a seed (../dots1/random_weights.py and its TypeScript twin), so none are stored.
Every document runs by itself, which is what packing them without attention across means. What the recipe adds to PyTorch is
spelled out here from its sources: the learning rate (warm-up, stable, decays), the sequence-wise balance loss and the update of
the correction bias (DeepSeek-V3, arXiv:2412.19437). Norm weights do not decay.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import transformers

HERE = Path(__file__).parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "dots1"))
from make_logits import load  # noqa: E402
from random_weights import checksum, random_bits, random_weights  # noqa: E402


def documents(run, vocab_size, step, micro):
    """Documents of 8 to 40 tokens: mostly 5 t + 1 after t, else a random token.

    -> (tokens, which targets count, how many tokens are read) of each: what lies behind the last target of a batch that
    counts is not read, so it chooses no experts either.
    """
    found = []
    size = run["microBatchTokens"]
    bits = [int(b) for b in random_bits(f"batch {step} {micro}", run["seed"], 3 * size)]
    at = 0
    while at < size:
        length = min(8 + bits[at] % 33, size - at)
        tokens, counted = [], []
        for i in range(at, at + length):
            random = bits[size + i]
            follows = tokens and random % 8 != 0
            tokens.append((5 * tokens[-1] + 1) % vocab_size if follows else (random >> 3) % vocab_size)
            counted.append(run["maskEvery"] == 0 or bits[2 * size + i] % run["maskEvery"] != 0)
        counted[-1] = False
        found.append([tokens, counted, length])
        at += length
    while found and not found[-1][1][found[-1][2] - 1]:
        found[-1][2] -= 1
        if found[-1][2] == 0:
            found.pop()
    return found


def learning_rate(schedule, step, tokens, total):
    rate = schedule["peak"]
    begin = total - sum(decay["tokens"] for decay in schedule["decays"])
    for decay in schedule["decays"]:
        if tokens <= begin:
            break
        a, b, t = rate, decay["to"], min(1, (tokens - begin) / decay["tokens"])
        rate = {
            "linear": a + (b - a) * t,
            "cosine": b + (a - b) * (1 + math.cos(math.pi * t)) / 2,
            "exponential": a * (b / a) ** t,
        }[decay["shape"]]
        begin += decay["tokens"]
    return rate * min(1, (step + 1) / schedule["warmupSteps"])


def train(config, run):
    weights = random_weights(config, run["seed"])
    model = load(config, weights).train()
    gates = {i: layer.mlp.gate for i, layer in enumerate(model.model.layers) if hasattr(layer.mlp, "gate")}
    routed = {}
    for index, gate in gates.items():
        gate.register_forward_hook(lambda _, __, out, i=index: routed.__setitem__(i, out))
    num_experts, k = config["n_routed_experts"], config["num_experts_per_tok"]
    settings = run["optimizer"]
    named = [(n, p) for n, p in model.named_parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in named if not n.endswith("norm.weight")], "weight_decay": settings["weightDecay"]},
            {"params": [p for n, p in named if n.endswith("norm.weight")], "weight_decay": 0.0},
        ],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["eps"],
        foreach=False,
    )
    step_tokens = run["microBatches"] * run["microBatchTokens"]
    rows = []
    for step in range(run["steps"]):
        micros = [documents(run, config["vocab_size"], step, m) for m in range(run["microBatches"])]
        total = sum(sum(counted) for micro in micros for _, counted, _ in micro)
        counts = {i: np.zeros(num_experts) for i in gates}
        loss, balance = 0.0, 0.0
        for micro in micros:
            for tokens, counted, num_read in micro:
                logits = model(torch.tensor([tokens[:num_read]]), use_cache=False).logits[0]
                targets = torch.tensor(tokens[1 : num_read + 1], dtype=torch.long)
                each = F.cross_entropy(logits[: len(targets)], targets, reduction="none")
                part = (each * torch.tensor(counted[: len(targets)])).sum() / total
                loss += part.item()
                balances = 0.0
                for index, (router_logits, _, chosen) in routed.items():
                    count = F.one_hot(chosen, num_experts).sum((0, 1)).double()
                    counts[index] += count.numpy()
                    scores = router_logits.sigmoid()
                    shares = (scores / scores.sum(-1, keepdim=True)).mean(0)
                    frequency = (count * num_experts / (k * num_read)).float()
                    balances = balances + (frequency * shares).sum()
                balances = balances * run["balance"]["lossFactor"] / len(micro) / len(micros)
                balance += balances.item()
                (part + balances).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clipNorm"])
        rate = learning_rate(run["learningRate"], step, step * step_tokens, run["steps"] * step_tokens)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        for index, gate in gates.items():
            error = counts[index].mean() - counts[index]
            gate.e_score_correction_bias += torch.from_numpy(run["balance"]["biasRate"] * np.sign(error)).float()
        rows.append([loss, balance, norm.item(), rate])
    return {
        "weightChecksum": checksum(weights),
        "losses": [float(f"{row[0]:.9g}") for row in rows],
        "balanceLosses": [float(f"{row[1]:.9g}") for row in rows],
        "gradientNorms": [float(f"{row[2]:.9g}") for row in rows],
        "learningRates": [row[3] for row in rows],
        "biases": {str(i): [float(f"{b:.6g}") for b in g.e_score_correction_bias] for i, g in gates.items()},
    }


def main():
    torch.set_num_threads(1)
    configs = json.loads((HERE.parent / "dots1" / "configs.json").read_text())
    result = {"made": {"torch": torch.__version__, "transformers": transformers.__version__}}
    for name, run in json.loads((HERE / "runs.json").read_text()).items():
        result[name] = train(configs[run["like"]]["config"], run)
        losses = result[name]["losses"]
        print(name, [round(losses[i], 4) for i in (0, 1, 9, 19, 29, 39, 49)], result[name]["gradientNorms"][::10], flush=True)
    (HERE / "losses.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
