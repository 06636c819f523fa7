"""Record the loss and the gradients of transformers' Dots1ForCausalLM in f32, for the training tests.

    python make_gradients.py          # writes gradients.json

For each configuration: mean cross-entropy of predicting tokens 1..63 of the recorded sequence from tokens 0..62, and
for every parameter, under its Hugging Face name, the gradient's sum, sum of magnitudes, and eight elements. The
balance loss is off, and the correction bias gets no gradient: it only chooses.
"""

import json
from pathlib import Path

import torch
import transformers

from make_logits import load
from random_weights import random_bits, random_tokens, random_weights

HERE = Path(__file__).parent
NUM_TOKENS = 64
CONFIGURATIONS = ["plain", "groups-raw-weights", "tied-groups"]


def checkpoint_gradients(model, config):
    """Gradients under checkpoint names: transformers keeps the experts of a layer packed in two tensors."""
    for name, parameter in model.named_parameters():
        grad = parameter.grad
        if name.endswith("experts.gate_up_proj"):
            half = config["moe_intermediate_size"]
            for expert, packed in enumerate(grad):
                prefix = f"{name.removesuffix('gate_up_proj')}{expert}"
                yield f"{prefix}.gate_proj.weight", packed[:half]
                yield f"{prefix}.up_proj.weight", packed[half:]
        elif name.endswith("experts.down_proj"):
            for expert, packed in enumerate(grad):
                yield f"{name.removesuffix('down_proj')}{expert}.down_proj.weight", packed
        else:
            yield name, grad


def record(config, seed):
    weights = random_weights(config, seed)
    model = load(config, weights)
    tokens = torch.tensor([random_tokens(config, seed, NUM_TOKENS)])
    output = model(tokens, labels=tokens, use_cache=False)
    output.loss.backward()
    gradients = {}
    for name, grad in checkpoint_gradients(model, config):
        assert list(grad.shape) == list(weights[name].shape), name
        flat = grad.reshape(-1).double()
        at = [int(bits) % len(flat) for bits in random_bits(f"sample {name}", seed, 8)]
        gradients[name] = {
            "sum": float(f"{flat.sum():.8g}"),
            "absSum": float(f"{flat.abs().sum():.8g}"),
            "at": at,
            "values": [float(f"{flat[i]:.8g}") for i in at],
        }
    missing = {name for name in weights if name not in gradients}
    assert all(name.endswith("e_score_correction_bias") for name in missing), missing
    return {"loss": float(output.loss), "numTokens": NUM_TOKENS, "gradients": dict(sorted(gradients.items()))}


def main():
    torch.set_num_threads(1)
    configs = json.loads((HERE / "configs.json").read_text())
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    result = {name: record(configs[name]["config"], configs[name]["seed"]) for name in CONFIGURATIONS}
    (HERE / "gradients.json").write_text(json.dumps({"made": made, **result}, separators=(",", ":")) + "\n")
    print({name: entry["loss"] for name, entry in result.items()})


if __name__ == "__main__":
    main()
