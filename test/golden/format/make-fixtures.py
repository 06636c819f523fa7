"""Writes the files of this folder with independent implementations: `pip install gguf==0.19.0 safetensors==0.8.0 numpy`.

    python make-fixtures.py        (in this folder)

values.gguf            every metadata type, tensors of five storage types, alignment 64
split-0000?-of-00003   the same tensors as a split set
big-endian.gguf        refused by our reader
values.safetensors     five dtypes, a scalar, an empty tensor, __metadata__
sharded/               two shards and their index
expected.json          what all of them hold
"""

import hashlib
import json
import os

import gguf
import numpy as np
import safetensors
from gguf import GGUFValueType as T

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20250606)


def path(name):
    return os.path.join(here, name)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


KEYS = [
    ("test.u8", 255, T.UINT8, None),
    ("test.i8", -128, T.INT8, None),
    ("test.u16", 65535, T.UINT16, None),
    ("test.i16", -32768, T.INT16, None),
    ("test.u32", 4294967295, T.UINT32, None),
    ("test.i32", -2147483648, T.INT32, None),
    ("test.f32", 1e-5, T.FLOAT32, None),
    ("test.bool", True, T.BOOL, None),
    ("test.string", "多语言 text, ünïcödé 🙂 \ufeff", T.STRING, None),
    ("test.u64", 18446744073709551615, T.UINT64, None),
    ("test.i64", -9007199254740993, T.INT64, None),
    ("test.f64", 0.1, T.FLOAT64, None),
    ("test.strings", ["", "Ġthe", "é", "🙂", "\ufeffx", "a b"], T.ARRAY, T.STRING),
    ("test.i32s", [1, -2, 3], T.ARRAY, T.INT32),
    ("test.f32s", [0.5, -1.5], T.ARRAY, T.FLOAT32),
    ("test.bools", [True, False, True], T.ARRAY, T.BOOL),
    ("test.u64s", [1, 2**60], T.ARRAY, T.UINT64),
    ("test.i16s", [-1, 7], T.ARRAY, T.INT16),
    ("test.f64s", [0.1, 0.2], T.ARRAY, T.FLOAT64),
]

Q = gguf.GGMLQuantizationType
TENSORS = [
    ("plain.f32", Q.F32, (3, 5)),
    ("plain.f16", Q.F16, (2, 4, 6)),
    ("plain.bf16", Q.BF16, (7, 3)),
    ("blocks.q8_0", Q.Q8_0, (3, 64)),
    ("blocks.q5_1", Q.Q5_1, (2, 2, 32)),
    ("vector.f32", Q.F32, (9,)),
]
encoded = {}
for name, qtype, shape in TENSORS:
    values = rng.standard_normal(shape).astype(np.float32)
    encoded[name] = gguf.quants.quantize(values, qtype)


def write_gguf(name, keys, alignment=None, **options):
    writer = gguf.GGUFWriter(path(name), "dots1", **options)
    if alignment:
        writer.add_custom_alignment(alignment)
    for key, value, kind, element in keys:
        writer.add_key_value(key, value, kind, element)
    for tensor, qtype, _ in TENSORS:
        writer.add_tensor(tensor, encoded[tensor], raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write_gguf("values.gguf", KEYS, alignment=64)
write_gguf("split.gguf", KEYS[:3], split_max_tensors=2)
write_gguf("big-endian.gguf", KEYS[:3], endianess=gguf.GGUFEndian.BIG)

ST = {
    "a.f32": ("float32", (2, 3)),
    "a.f16": ("float16", (5,)),
    "a.bf16": ("bfloat16", (4, 2)),
    "a.f8": ("float8_e4m3fn", (3,)),
    "a.i64": ("int64", (2,)),
    "a.scalar": ("float32", ()),
    "a.empty": ("float32", (0, 4)),
}
WIDTH = {"float32": 4, "float16": 2, "bfloat16": 2, "float8_e4m3fn": 1, "int64": 8}
raw = {}
for name, (dtype, shape) in ST.items():
    size = int(np.prod(shape)) * WIDTH[dtype]
    raw[name] = rng.integers(0, 256, size, dtype=np.uint8)


def write_safetensors(name, names, metadata):
    content = {n: safetensors.TensorSpec(dtype=ST[n][0], shape=list(ST[n][1]), data_ptr=raw[n].ctypes.data,
                                         data_len=raw[n].nbytes) for n in names}
    with open(path(name), "wb") as file:
        file.write(safetensors.serialize(content, metadata))


write_safetensors("values.safetensors", list(ST), {"format": "pt", "note": "ünï"})
os.makedirs(path("sharded"), exist_ok=True)
halves = [["a.f32", "a.i64", "a.f8"], ["a.f16", "a.bf16"]]
weight_map = {}
for i, names in enumerate(halves):
    shard = f"model-{i + 1:05}-of-00002.safetensors"
    write_safetensors(f"sharded/{shard}", names, {"format": "pt"})
    weight_map |= {n: shard for n in names}
with open(path("sharded/model.safetensors.index.json"), "w") as file:
    json.dump({"metadata": {"total_size": sum(raw[n].size for n in weight_map)}, "weight_map": weight_map}, file, indent=1)
with open(path("sharded/config.json"), "w") as file:
    json.dump({"model_type": "dots1", "architectures": ["Dots1ForCausalLM"]}, file)

TYPE_NAMES = {Q.F32: "f32", Q.F16: "f16", Q.BF16: "bf16", Q.Q8_0: "q8_0", Q.Q5_1: "q5_1"}
expected = {
    "metadata": {k: [kind.name, element and element.name, str(v) if kind in (T.UINT64, T.INT64) else
                     [str(x) for x in v] if element in (T.UINT64, T.INT64) else v] for k, v, kind, element in KEYS},
    "gguf": {n: [TYPE_NAMES[q], list(s), encoded[n].nbytes, digest(encoded[n])] for n, q, s in TENSORS},
    "safetensors": {n: [d, list(s), raw[n].nbytes, digest(raw[n])] for n, (d, s) in ST.items()},
}
with open(path("expected.json"), "w") as file:
    json.dump(expected, file, indent=1, ensure_ascii=False)
