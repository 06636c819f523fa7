"""Asks llama.cpp's quantiser which type each tensor gets in each named mix, and records the answers: mixes.json.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0
    npm i --ignore-scripts node-llama-cpp@3.22.1
    venv/bin/python record_mixes.py FOLDER_OF/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64

The quantiser runs dry: it reads names and shapes, so the models are headers before a hole of the right size.
"""

import json
import os
import re
import sys
import tempfile

import gguf
import numpy as np
from llama_quantizer import FILE_TYPES, Quantizer

# Shapes that the rules tell apart: layers, width, heads and heads of keys, feed-forward width, experts and theirs.
MODELS = {
    "dots.llm1": dict(arch="dots1", layers=62, hidden=4096, heads=32, kv=32, ffn=10944, experts=128, moe=1408, shared=2),
    "small dots1": dict(arch="dots1", layers=6, hidden=256, heads=4, kv=4, ffn=704, experts=16, moe=96, shared=2),
    "8 experts": dict(arch="qwen3moe", layers=16, hidden=2048, heads=16, kv=4, ffn=0, experts=8, moe=768, shared=0),
    "128 experts, grouped heads": dict(arch="qwen3moe", layers=48, hidden=2048, heads=32, kv=4, ffn=0, experts=128, moe=768, shared=0),
    "dense": dict(arch="llama", layers=32, hidden=4096, heads=32, kv=32, ffn=11008, experts=0, moe=0, shared=0),
    "dense, grouped heads": dict(arch="llama", layers=32, hidden=4096, heads=32, kv=8, ffn=14336, experts=0, moe=0, shared=0),
    "dense, 80 layers": dict(arch="llama", layers=80, hidden=8192, heads=64, kv=8, ffn=28672, experts=0, moe=0, shared=0),
    "dense, tied, narrow": dict(arch="llama", layers=30, hidden=576, heads=9, kv=3, ffn=1536, experts=0, moe=0, shared=0, tied=True),
}
VOCAB = 4096


def tensors(m):
    hidden, head = m["hidden"], m["hidden"] // m["heads"]
    yield "token_embd.weight", (VOCAB, hidden)
    for layer in range(m["layers"]):
        b = f"blk.{layer}."
        yield b + "attn_norm.weight", (hidden,)
        yield b + "attn_q.weight", (m["heads"] * head, hidden)
        yield b + "attn_k.weight", (m["kv"] * head, hidden)
        yield b + "attn_v.weight", (m["kv"] * head, hidden)
        yield b + "attn_output.weight", (hidden, m["heads"] * head)
        yield b + "ffn_norm.weight", (hidden,)
        if m["experts"] == 0 or (m["arch"] == "dots1" and layer == 0):
            yield b + "ffn_gate.weight", (m["ffn"], hidden)
            yield b + "ffn_up.weight", (m["ffn"], hidden)
            yield b + "ffn_down.weight", (hidden, m["ffn"])
            continue
        yield b + "ffn_gate_inp.weight", (m["experts"], hidden)
        yield b + "ffn_gate_exps.weight", (m["experts"], m["moe"], hidden)
        yield b + "ffn_up_exps.weight", (m["experts"], m["moe"], hidden)
        yield b + "ffn_down_exps.weight", (m["experts"], hidden, m["moe"])
        if m["shared"]:
            yield b + "ffn_gate_shexp.weight", (m["shared"] * m["moe"], hidden)
            yield b + "ffn_up_shexp.weight", (m["shared"] * m["moe"], hidden)
            yield b + "ffn_down_shexp.weight", (hidden, m["shared"] * m["moe"])
    yield "output_norm.weight", (hidden,)
    if not m.get("tied"):
        yield "output.weight", (VOCAB, hidden)


def write_header(path, m):
    writer = gguf.GGUFWriter(path, m["arch"])
    writer.add_block_count(m["layers"])
    writer.add_context_length(2048)
    writer.add_embedding_length(m["hidden"])
    writer.add_feed_forward_length(m["ffn"])
    writer.add_head_count(m["heads"])
    writer.add_head_count_kv(m["kv"])
    writer.add_key_length(m["hidden"] // m["heads"])
    writer.add_value_length(m["hidden"] // m["heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCAB)
    writer.add_rope_dimension_count(m["hidden"] // m["heads"])
    if m["experts"]:
        writer.add_expert_count(m["experts"])
        writer.add_expert_used_count(2)
        writer.add_expert_feed_forward_length(m["moe"])
        if m["shared"]:
            writer.add_expert_shared_count(m["shared"])
            writer.add_leading_dense_block_count(1)
            writer.add_expert_weights_scale(1.0)
            writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_tokenizer_model("no_vocab")
    size = 0
    for name, shape in tensors(m):
        values = 1
        for extent in shape:
            values *= extent
        is_float = len(shape) == 1 or "gate_inp" in name
        dtype = gguf.GGMLQuantizationType.F32 if is_float else gguf.GGMLQuantizationType.F16
        writer.add_tensor_info(name, shape, "float32" if is_float else "float16", values * (4 if is_float else 2), dtype)
        size += -(-values * (4 if is_float else 2) // 32) * 32
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for file in writer.fout:
        file.flush()
        file.seek(0, os.SEEK_END)
        os.truncate(path, -(-file.tell() // 32) * 32 + size)
    writer.close()


def main(folder):
    quantizer = Quantizer(folder)
    # The quantiser asks only whether there is a matrix.
    matrix = {"none": np.ones(1, np.float32)}

    recorded = {}
    with tempfile.TemporaryDirectory() as scratch:
        for model_name, model in MODELS.items():
            path = os.path.join(scratch, "header.gguf")
            write_header(path, model)
            mixes = {}
            for mix, file_type in FILE_TYPES.items():
                for has_matrix in (False, True):
                    refused, text = quantizer.run(path, "", file_type, matrix if has_matrix else None, dry=True)
                    key = f"{mix} with matrix" if has_matrix else mix
                    if refused:
                        mixes[key] = {"refused": refused}
                        continue
                    types = {}
                    for name, old, new in re.findall(
                        r"\] +(\S+) +- \[[^\]]*\], type = +(\w+), size = +[\d.]+ MiB(?: -> +[\d.]+ MiB \((\w+)\))?", text
                    ):
                        if new:
                            types.setdefault(new, []).append(name)
                    mixes[key] = summary(types)
                    print(model_name, key, {t: len(names) for t, names in types.items()}, file=sys.stderr)
            recorded[model_name] = {"shape": model, "mixes": mixes}
            os.remove(path)
    made = {"llamaCpp": "v0.5.0", "package": "@node-llama-cpp/linux-x64 3.22.1"}
    with open(os.path.join(os.path.dirname(__file__), "mixes.json"), "w") as file:
        text = json.dumps({"made": made, "vocab": VOCAB, "models": recorded}, indent=1)
        # What holds no other list is one line.
        file.write(re.sub(r"\{[^{}]*\}", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text) + "\n")


def summary(types):
    """{"q4_k": {"attn_q": "0-61"}}: kinds of tensors, and the layers in which they have the type."""
    table = {}
    for kind, names in types.items():
        rows = {}
        for name in names:
            found = re.match(r"blk\.(\d+)\.(\w+)\.weight", name)
            rows.setdefault(found[2] if found else name.removesuffix(".weight"), []).append(int(found[1]) if found else -1)
        table[kind] = {part: ranges(sorted(layers)) for part, layers in sorted(rows.items())}
    return table


def ranges(layers):
    runs = []
    for layer in layers:
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    return " ".join("" if a < 0 else str(a) if a == b else f"{a}-{b}" for a, b in runs)


main(sys.argv[1])
