"""Record what transformers' Qwen3MoeForCausalLM and LlamaForCausalLM compute in f32 for qwen3moe/ and llama/configs.json.

    pip install torch transformers safetensors numpy
    python make_relatives.py             # writes NAME.json and NAME.logits.f32 into both folders
    python make_relatives.py --seeds     # searches for seeds with clear margins, writes nothing

NAME.json: tokens (512), argmax (512), positions (the 48 whose logits are kept), and the margins that make the numbers safe
to compare. NAME.logits.f32: little-endian f32 [positions, vocab]. Weights come from names alone (dots1/random_weights.py);
`test/fixtures/random-relatives.ts` makes the same bits.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "dots1"))
from random_weights import checksum, random_tensor, random_tokens  # noqa: E402

NUM_TOKENS = 512
NUM_KEPT = 48


def has_experts(c, layer):
    if c["model_type"] != "qwen3_moe":
        return False
    return layer not in c["mlp_only_layers"] and (layer + 1) % c["decoder_sparse_step"] == 0


def tensor_specs(c):
    """Hugging Face name -> (shape, standard deviation)."""
    width = c["hidden_size"]
    heads, kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
    head_dim = c.get("head_dim") or width // heads
    tied = c["tie_word_embeddings"]
    specs = {"model.embed_tokens.weight": ((c["vocab_size"], width), 1.0 / np.sqrt(float(width)) if tied else 1.0)}

    def matrix(name, rows, columns, gain=1.0):
        specs[name] = ((rows, columns), gain / np.sqrt(float(columns)))

    def norm(name, size):
        specs[name] = ((size,), 0.1)

    def feed_forward(prefix, hidden):
        matrix(f"{prefix}.gate_proj.weight", hidden, width)
        matrix(f"{prefix}.up_proj.weight", hidden, width)
        matrix(f"{prefix}.down_proj.weight", width, hidden)

    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}"
        norm(f"{p}.input_layernorm.weight", width)
        matrix(f"{p}.self_attn.q_proj.weight", heads * head_dim, width)
        matrix(f"{p}.self_attn.k_proj.weight", kv_heads * head_dim, width)
        matrix(f"{p}.self_attn.v_proj.weight", kv_heads * head_dim, width)
        matrix(f"{p}.self_attn.o_proj.weight", width, heads * head_dim)
        if c["model_type"] == "qwen3_moe":
            norm(f"{p}.self_attn.q_norm.weight", head_dim)
            norm(f"{p}.self_attn.k_norm.weight", head_dim)
        norm(f"{p}.post_attention_layernorm.weight", width)
        if not has_experts(c, layer):
            feed_forward(f"{p}.mlp", c["intermediate_size"])
            continue
        # Twice the usual spread, so that the router has preferences.
        matrix(f"{p}.mlp.gate.weight", c["num_experts"], width, 2.0)
        for expert in range(c["num_experts"]):
            feed_forward(f"{p}.mlp.experts.{expert}", c["moe_intermediate_size"])
    norm("model.norm.weight", width)
    if not tied:
        matrix("lm_head.weight", c["vocab_size"], width)
    return specs


def load(config, weights, dtype=torch.float32):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(config))
        save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="eager", experts_implementation="eager", output_loading_info=True
        )
    assert type(model).__name__ == config["architectures"][0]
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    rope = config.get("rope_parameters") or {"rope_type": "default", "rope_theta": config["rope_theta"], **(config.get("rope_scaling") or {})}
    assert all(model.config.rope_parameters[key] == value for key, value in rope.items()), model.config.rope_parameters
    return model.eval()


def run(name, config, seed):
    weights = {key: random_tensor(key, shape, std, seed) for key, (shape, std) in tensor_specs(config).items()}
    tokens = random_tokens(config, seed, NUM_TOKENS)
    model = load(config, weights)
    routed = {}
    for index, layer in enumerate(model.model.layers):
        assert hasattr(layer.mlp, "gate") == has_experts(config, index), index
        if hasattr(layer.mlp, "gate"):
            layer.mlp.gate.register_forward_hook(lambda _, inputs, __, i=index: routed.__setitem__(i, inputs[0].detach().numpy()))
    with torch.no_grad():
        logits = model(torch.tensor([tokens]), use_cache=False).logits[0].numpy()
        exact = load(config, weights, torch.float64)(torch.tensor([tokens]), use_cache=False).logits[0].numpy()

    # The smallest distance between the last expert chosen and the first one left out, in shares of the softmax.
    routing_margin = np.inf
    for index, x in routed.items():
        scores = x.reshape(NUM_TOKENS, -1).astype(np.float64) @ weights[f"model.layers.{index}.mlp.gate.weight"].astype(np.float64).T
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        ranked = -np.sort(-shares / shares.sum(axis=-1, keepdims=True), axis=-1)
        k = config["num_experts_per_tok"]
        routing_margin = min(routing_margin, float((ranked[:, k - 1] - ranked[:, k]).min()))
    top = np.sort(logits, axis=-1)
    stats = {
        "logitStd": float(logits.std()),
        "argmaxMargin": float((top[:, -1] - top[:, -2]).min()),
        "differenceFromF64": float(np.abs(logits - exact).max()),
    }
    if routed:
        stats["routingMargin"] = routing_margin
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
    }
    return record, logits[positions]


def safe(stats):
    # Logits may differ by 2e-4 each; a decision closer than that would test luck and not the code.
    return stats["argmaxMargin"] > 8e-4 and stats.get("routingMargin", 1.0) > 2e-6


def main():
    torch.set_num_threads(1)
    for folder in (HERE / "qwen3moe", HERE / "llama"):
        for name, entry in json.loads((folder / "configs.json").read_text()).items():
            if "--seeds" in sys.argv:
                seed = next(s for s in range(1, 200) if safe(run(name, entry["config"], s)[0]["stats"]))
                print(folder.name, name, seed, flush=True)
                continue
            record, logits = run(name, entry["config"], entry["seed"])
            print(folder.name, name, record["stats"], flush=True)
            assert safe(record["stats"]), f"{name}: choose another seed"
            (folder / f"{name}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
            logits.astype("<f4").tofile(folder / f"{name}.logits.f32")


if __name__ == "__main__":
    main()
