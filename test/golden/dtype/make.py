"""Record what the PyPI package `gguf` makes of pseudo-random blocks and values.

    pip install gguf==0.19.0 ml_dtypes==0.6.0 && python make.py    # writes decoded.json.gz and encoded.json beside it

Blocks and values come from formulas that `test/dtype/random-blocks.ts` repeats, so only results are recorded: the SHA-256
of all of them, and the first blocks in full (base64), to show where a difference lies.
"""

import base64
import gzip
import hashlib
import json
import pathlib

import gguf
import ml_dtypes
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize

HERE = pathlib.Path(__file__).parent
NUM_BLOCKS = 1024

# Byte offsets of the halves in a block. iq1_m spreads its one over the top nibbles of four u16 (at 48).
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0],
    "IQ1_S": [0], "IQ1_M": [], "IQ4_NL": [0], "IQ4_XS": [0],
    "TQ1_0": [52], "TQ2_0": [64], "MXFP4": [], "NVFP4": [],
}
# Zero, minus zero, smallest and largest subnormal, largest finite numbers: the scales of the first blocks.
SPECIAL_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x7BFF, 0xFBFF]


def lcg(seed, count):
    states = np.empty(count, np.uint32)
    state = seed
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        states[i] = state
    return states


def random_blocks(type_id, block_bytes, halves):
    blocks = (lcg(type_id + 1, NUM_BLOCKS * block_bytes) >> 24).astype(np.uint8).reshape(NUM_BLOCKS, block_bytes)
    for field, at in enumerate(halves):
        blocks[:, at + 1] &= 0xBF  # exponent below 16: no infinities, no NaN
        for b in range(len(SPECIAL_HALVES)):
            half = SPECIAL_HALVES[(b + field) % len(SPECIAL_HALVES)]
            blocks[b, at] = half & 255
            blocks[b, at + 1] = half >> 8
    if type_id == Type.IQ1_M:
        blocks[:, 55] &= 0xBF
        for b, half in enumerate(SPECIAL_HALVES):
            for k in range(4):
                blocks[b, 49 + 2 * k] = (blocks[b, 49 + 2 * k] & 15) | (((half >> (4 * k)) & 15) << 4)
    return blocks


def random_values():
    """512 blocks of 32: cubes of uniform numbers at five scales, after ten special blocks."""
    uniform = (lcg(7, 512 * 32) >> 8).astype(np.float32) / np.float32(2**23) - np.float32(1)
    values = (uniform * uniform * uniform).reshape(512, 32)
    for b in range(512):
        values[b] *= np.float32(2.0 ** [0, -10, -20, 10, 3][b % 5])
    j = np.arange(32, dtype=np.float32)
    values[0] = 0
    values[1] = 0.5
    values[2] = j / np.float32(32)
    values[3] = 0
    values[3, 9] = -3  # one outlier
    values[4] = j - np.float32(15.5)  # ties, for a scale of one
    values[4, 0] = 127
    values[5] = np.where(j % 2 == 0, np.float32(1.5), np.float32(-1.5))  # which of equal magnitudes comes first
    # Just below a tie, by so little that adding the half in f32 reaches it: one block for each legacy type.
    values[6] = j % 15 - np.float32(6.5 + 2**-21)
    values[6, 0] = -8
    values[7] = j % 31 - np.float32(14.5 + 2**-20)
    values[7, 0] = -16
    values[8] = np.float32(0.5 - 2**-25)
    values[8, :2] = 0, 15
    values[9] = np.float32(0.5 - 2**-25)
    values[9, :2] = 0, 31
    return values


def recorded(array, shown):
    return {
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
        "first": base64.b64encode(np.ascontiguousarray(shown).tobytes()).decode(),
    }


def decoded():
    types = {}
    for name, halves in HALVES.items():
        type_id = Type[name]
        _, block_bytes = gguf.GGML_QUANT_SIZES[type_id]
        blocks = random_blocks(int(type_id), block_bytes, halves)
        with np.errstate(over="ignore"):
            values = dequantize(blocks, type_id)
        assert not np.isnan(values).any(), name
        types[name.lower()] = {"halves": halves, "blockBytes": block_bytes, **recorded(values, values[:8])}
    # NaN as zero: its bits are not the point.
    for name, dtype in [("f8_e4m3", ml_dtypes.float8_e4m3fn), ("f8_e5m2", ml_dtypes.float8_e5m2)]:
        values = np.arange(256, dtype=np.uint8).view(dtype).astype(np.float32)
        values = np.where(np.isnan(values), np.float32(0), values)
        types[name] = {"halves": [], "blockBytes": 1, **recorded(values, values)}
    return {"gguf": "0.19.0", "types": types}


def encoded():
    values = random_values()
    types = {}
    for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16", "F16"]:
        blocks = quantize(values, Type[name]).view(np.uint8).reshape(512, -1)
        types[name.lower()] = recorded(blocks, blocks[:10])
    return {"gguf": "0.19.0", "types": types}


def random_float_bits():
    """65,536 f32 of every kind: any sign, exponent and mantissa, but no NaN."""
    bits = lcg(11, 65536)
    nan = (bits & 0x7FFFFFFF) > 0x7F800000
    return np.where(nan, bits & np.uint32(0xFF800000), bits).astype(np.uint32)


def rounded():
    bits = random_float_bits().view(np.float32)
    # Half the patterns are squeezed into the range of halves, where rounding has something to decide.
    near = (bits.view(np.uint32) & np.uint32(0x8FFFFFFF) | np.uint32(0x30000000)).view(np.float32)
    result = {}
    for name, values in [("any", bits), ("near", near)]:
        with np.errstate(over="ignore"):
            half = values.astype(np.float16).view(np.uint16)
        bf16 = quantize(values.reshape(-1, 32), Type.BF16)
        result[name] = {
            "f16": hashlib.sha256(half.tobytes()).hexdigest(),
            "bf16": hashlib.sha256(bf16.tobytes()).hexdigest(),
        }
    return result


with open(HERE / "decoded.json.gz", "wb") as file:
    file.write(gzip.compress(json.dumps(decoded()).encode(), 9, mtime=0))
with open(HERE / "encoded.json", "w") as file:
    json.dump({**encoded(), "rounded": rounded()}, file, indent=1)
    file.write("\n")
