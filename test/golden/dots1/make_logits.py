"""Record what transformers' Dots1ForCausalLM computes in f32 for every configuration in configs.json.

    pip install torch transformers safetensors numpy
    python make_logits.py             # writes NAME.json and NAME.logits.f32 beside this script
    python make_logits.py --seeds     # looks for seeds with clear margins, writes nothing

NAME.json: tokens (512), argmax (512), positions (the 48 whose logits are kept), experts chosen in each MoE layer for
the first 16 tokens, the residual stream after each layer at three positions, and the margins that make the numbers
safe to compare. NAME.logits.f32: little-endian f32 [positions, vocab].

The group mask must fill with -inf (transformers before the repair of 2026 filled with 0.0 and could choose an expert
of a group that had lost); the script stops on a version that does the other.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import Dots1ForCausalLM

from random_weights import checksum, random_tokens, random_weights

HERE = Path(__file__).parent
NUM_TOKENS = 512
NUM_KEPT = 48
HIDDEN_POSITIONS = [0, 17, 511]


def load(config, weights, dtype=torch.float32):
    """Through a checkpoint folder, so that the official code does the renaming and packing of experts."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
        model, report = Dots1ForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager", output_loading_info=True
        )
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    rope = config.get("rope_parameters", config)
    assert model.config.rope_parameters["rope_theta"] == rope["rope_theta"], model.config.rope_parameters
    assert set(model.config.layer_types) == {"full_attention"}
    return model.eval()


def choose(scores, bias, config, fill):
    """The group-limited choice, spelled out independently: sorted experts, and the smallest margin of any decision."""
    c = scores + bias
    groups = c.reshape(len(c), config.get("n_group") or 1, -1)
    totals = np.sort(groups, axis=-1)[:, :, -2:].sum(axis=-1)
    num_kept = config.get("topk_group") or 1
    order = np.argsort(-totals, axis=-1)
    kept = np.zeros_like(totals, dtype=bool)
    np.put_along_axis(kept, order[:, :num_kept], True, axis=-1)
    margin = np.inf
    if num_kept < totals.shape[1]:
        ranked = np.take_along_axis(totals, order, axis=-1)
        margin = (ranked[:, num_kept - 1] - ranked[:, num_kept]).min()
    masked = np.where(kept[:, :, None], groups, fill).reshape(c.shape)
    order = np.argsort(-masked, axis=-1)
    k = config["num_experts_per_tok"]
    ranked = np.take_along_axis(masked, order, axis=-1)
    return np.sort(order[:, :k], axis=-1), min(margin, (ranked[:, k - 1] - ranked[:, k]).min())


def run(name, config, seed):
    weights = random_weights(config, seed)
    tokens = random_tokens(config, seed, NUM_TOKENS)
    model = load(config, weights)
    routed, hidden = {}, {}
    for index, layer in enumerate(model.model.layers):
        layer.register_forward_hook(lambda _, __, out, i=index: hidden.__setitem__(i, out[0].numpy()))
        if hasattr(layer.mlp, "gate"):
            layer.mlp.gate.register_forward_hook(lambda _, __, out, i=index: routed.__setitem__(i, out))
    with torch.no_grad():
        logits = model(torch.tensor([tokens]), use_cache=False).logits[0].numpy()
    with torch.no_grad():
        exact = load(config, weights, torch.float64)(torch.tensor([tokens]), use_cache=False).logits[0].numpy()

    experts, routing_margin, zero_fill_differs = {}, np.inf, 0
    for index, (router_logits, chosen_weights, chosen) in routed.items():
        scores = 1 / (1 + np.exp(-router_logits.numpy().astype(np.float64)))
        bias = weights[f"model.layers.{index}.mlp.gate.e_score_correction_bias"].astype(np.float64)
        want, margin = choose(scores, bias, config, -np.inf)
        got = np.sort(chosen.numpy(), axis=-1)
        assert (want == got).all(), f"{name}: layer {index} does not choose as the specification says"
        zero_fill_differs += int((choose(scores, bias, config, 0.0)[0] != got).any(axis=-1).sum())
        routing_margin = min(routing_margin, margin)
        first_ids, first_weights = chosen.numpy()[:16], chosen_weights.numpy()[:16].astype(float)
        order = np.argsort(first_ids, axis=-1)
        experts[str(index)] = {
            "ids": np.take_along_axis(first_ids, order, -1).tolist(),
            "weights": np.take_along_axis(first_weights, order, -1).round(7).tolist(),
        }
    top = np.sort(logits, axis=-1)
    stats = {
        "logitStd": float(logits.std()),
        "argmaxMargin": float((top[:, -1] - top[:, -2]).min()),
        "routingMargin": float(routing_margin),
        "zeroFillWouldDiffer": zero_fill_differs,
        "differenceFromF64": float(np.abs(logits - exact).max()),
    }
    positions = sorted({round(i * (NUM_TOKENS - 1) / (NUM_KEPT - 1)) for i in range(NUM_KEPT)})
    record = {
        "name": name,
        "seed": seed,
        "made": {"torch": torch.__version__, "transformers": transformers.__version__},
        "weightChecksum": checksum(weights),
        "stats": stats,
        "tokens": tokens,
        "argmax": logits.argmax(axis=-1).tolist(),
        "positions": positions,
        "experts": experts,
        "hidden": {
            str(p): [{"rms": float(np.sqrt((h[p] ** 2).mean())), "first4": h[p][:4].astype(float).tolist()} for h in hidden.values()]
            for p in HIDDEN_POSITIONS
        },
    }
    return record, logits[positions]


def safe(stats):
    # Logits may differ by 2e-4 each; a decision closer than that would test luck and not the code.
    return stats["argmaxMargin"] > 8e-4 and stats["routingMargin"] > 2e-5


def main():
    torch.set_num_threads(1)
    for name, entry in json.loads((HERE / "configs.json").read_text()).items():
        if "--seeds" in sys.argv:
            seed = next(s for s in range(1, 200) if safe(run(name, entry["config"], s)[0]["stats"]))
            print(name, seed, flush=True)
            continue
        record, logits = run(name, entry["config"], entry["seed"])
        print(name, record["stats"], flush=True)
        assert safe(record["stats"]), f"{name}: choose another seed"
        (HERE / f"{name}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
        logits.astype("<f4").tofile(HERE / f"{name}.logits.f32")


if __name__ == "__main__":
    main()
