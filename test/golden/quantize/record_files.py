"""Lets llama.cpp's quantiser write a small model as every file type, and its to_float decode what it wrote.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0
    npm i --ignore-scripts node-llama-cpp@3.22.1
    venv/bin/python record_files.py FOLDER_OF/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64

Without a model, files.bin.gz and files.json are recorded, for test/quantize/llama-cpp-files.test.ts: all files one after
the other, and the first digits of the SHA-256 of the decoded values of each tensor. With `--model F32.gguf --out FOLDER` the files of that model
and a files.json like ours are written there, which `node test/golden/quantize/check-files.ts FOLDER` reads.
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import tempfile

import gguf
import numpy as np
from llama_quantizer import FILE_TYPES, Quantizer

HERE = pathlib.Path(__file__).parent


def write_model(path):
    """One layer of a dots1 model of almost no rows, of 256 values as in dots.llm1's matrices and of 384 that only blocks of 128 and fewer divide."""
    random = np.random.RandomState(1)
    writer = gguf.GGUFWriter(path, "dots1")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(256)
    writer.add_feed_forward_length(384)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(4)
    writer.add_expert_count(2)
    writer.add_expert_used_count(1)
    writer.add_expert_feed_forward_length(384)
    writer.add_expert_shared_count(1)
    writer.add_leading_dense_block_count(1)
    writer.add_tokenizer_model("no_vocab")
    for name, *shape in [
        ("token_embd.weight", 4, 256), ("output_norm.weight", 256), ("output.weight", 4, 256),
        ("blk.0.attn_norm.weight", 256), ("blk.0.attn_q.weight", 2, 256), ("blk.0.attn_k.weight", 2, 256),
        ("blk.0.attn_v.weight", 2, 256), ("blk.0.attn_output.weight", 2, 256), ("blk.0.ffn_gate_inp.weight", 2, 256),
        ("blk.0.ffn_gate_exps.weight", 2, 2, 256), ("blk.0.ffn_down_exps.weight", 2, 2, 384),
        ("blk.0.ffn_down_shexp.weight", 2, 384),
    ]:
        writer.add_tensor(name, random.standard_t(4, shape).astype(np.float32) * np.float32(0.02))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def importance_of(model):
    random = np.random.RandomState(2)
    tensors = [t for t in gguf.GGUFReader(model).tensors if len(t.shape) > 1]
    return {
        t.name: (random.randn(int(t.shape[0]) * (int(t.shape[2]) if len(t.shape) > 2 else 1)) ** 2 + 1e-3).astype(np.float32)
        for t in tensors
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("libraries")
    parser.add_argument("--model")
    parser.add_argument("--out")
    flags = parser.parse_args()
    quantizer = Quantizer(flags.libraries)
    files, contents = {}, []
    with tempfile.TemporaryDirectory() as scratch:
        model = flags.model or os.path.join(scratch, "model.gguf")
        if not flags.model:
            write_model(model)
        importance = importance_of(model)
        for mix, file_type in ({"f32": 0, "f16": 1, "bf16": 32} | FILE_TYPES).items():
            path = os.path.join(flags.out or scratch, f"{mix}.gguf")
            refused, _ = quantizer.run(model, path, file_type, importance)
            if refused:
                files[mix] = {"refused": refused}
                continue
            tensors = {}
            for tensor in gguf.GGUFReader(path).tensors:
                values = quantizer.to_float(int(tensor.tensor_type), tensor.data.tobytes(), int(np.prod(tensor.shape)))
                tensors[tensor.name] = hashlib.sha256(values.tobytes()).hexdigest()[:16]
            files[mix] = {"bytes": os.path.getsize(path), "tensors": tensors}
            if not flags.out:
                contents.append(pathlib.Path(path).read_bytes())
            print(mix, files[mix]["bytes"])
    made = {"llamaCpp": "v0.5.0", "package": "@node-llama-cpp/linux-x64 3.22.1"}
    out = pathlib.Path(flags.out) if flags.out else HERE
    (out / "files.json").write_text(json.dumps({"made": made, "files": files}, indent=1) + "\n")
    if not flags.out:
        # Without a time, so that the same files give the same bytes.
        (out / "files.bin.gz").write_bytes(gzip.compress(b"".join(contents), 9, mtime=0))


main()
