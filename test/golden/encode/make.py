"""Record the errors that ggml's encoders leave on values from a formula: `pip install gguf==0.19.0` and

    npm pack @node-llama-cpp/linux-x64 && tar xzf *.tgz
    python make.py package/bins/linux-x64/libggml-base.so    # writes ggml-errors.json beside it

Values and weights are those of `test/native/encode-values.ts`. An error is sum w*(x - x')^2 / sum w*x^2, with the weights
that the encoder was given, or without any. Types that ggml encodes only with weights get ones.
"""

import ctypes
import json
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize

ROWS, COLUMNS = 8, 1024
NEED_WEIGHTS = ["IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"]
NAMES = (
    "Q8_0 Q6_K Q5_1 Q5_0 Q5_K Q4_1 Q4_0 Q4_K Q3_K Q2_K IQ4_NL IQ4_XS IQ3_S IQ3_XXS IQ2_S IQ2_XS IQ2_XXS IQ1_M IQ1_S "
    "NVFP4 MXFP4 TQ2_0 TQ1_0 Q1_0"
).split()
Q1_0 = 41

library = ctypes.CDLL(sys.argv[1])
library.ggml_quantize_chunk.restype = ctypes.c_size_t
library.ggml_quantize_chunk.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
]


def lcg(seed, count):
    states = np.empty(count, np.uint32)
    state = seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        states[i] = state
    return states


def normal(seed, count):
    """Nearly: sums of four uniform numbers, from -2 to 2, in f64."""
    return (lcg(seed, 4 * count) >> 8).astype(np.float64).reshape(count, 4).sum(axis=1) / 2.0**24 - 2.0


def decoded(kind, blocks):
    if kind != Q1_0:
        return dequantize(blocks.reshape(ROWS, -1), Type(kind))
    blocks = blocks.reshape(-1, 18)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    return (scales * (np.unpackbits(blocks[:, 2:], axis=1, bitorder="little") * 2.0 - 1.0)).reshape(ROWS, COLUMNS)


def errors(name, values, weights):
    kind = Q1_0 if name == "Q1_0" else int(Type[name])
    library.ggml_quantize_init(kind)
    found = {}
    for key, given in [("plain", None), ("weighted", weights)]:
        passed = np.ones(COLUMNS, np.float32) if given is None and name in NEED_WEIGHTS else given
        blocks = np.zeros(8 * values.size, np.uint8)
        size = library.ggml_quantize_chunk(
            kind, values.ctypes.data, blocks.ctypes.data, 0, ROWS, COLUMNS, None if passed is None else passed.ctypes.data)
        w = np.float64(1) if given is None else given.astype(np.float64)
        x = values.astype(np.float64)
        off = x - decoded(kind, blocks[:size]).astype(np.float64)
        found[key] = float(f"{(w * off**2).sum() / (w * x**2).sum():.6e}")
    return found


normals = normal(3, ROWS * COLUMNS)
DATA = {"normal": normals * 0.02, "heavyTailed": normals * normals * normals * 0.02}
uneven = normal(4, COLUMNS)
weights = (uneven * uneven * uneven * uneven + 1e-3).astype(np.float32)
result = {
    name.lower(): {
        data: errors(name, values.astype(np.float32).reshape(ROWS, COLUMNS), weights) for data, values in DATA.items()
    }
    for name in NAMES
}
with open(pathlib.Path(__file__).parent / "ggml-errors.json", "w") as file:
    json.dump({"library": "@node-llama-cpp/linux-x64 3.22.1", "errors": result}, file, indent=1)
    file.write("\n")
