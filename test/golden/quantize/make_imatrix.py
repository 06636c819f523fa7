"""Writes one importance matrix in both formats with other people's code: imatrix.gguf (the PyPI package gguf) and imatrix.dat.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 && venv/bin/python make_imatrix.py
"""

import os
import struct

import gguf
import numpy as np

folder = os.path.dirname(os.path.abspath(__file__))
# Two chunks of 512 tokens. The second expert saw three tokens, the third none.
attn = (np.arange(4, dtype=np.float32) + 1) * 1024
experts = np.array([[512, 1024, 1536, 2048], [3, 6, 9, 12], [0, 0, 0, 0]], dtype=np.float32)
counts = np.array([1024, 3, 0], dtype=np.float32)

writer = gguf.GGUFWriter(os.path.join(folder, "imatrix.gguf"), "")
writer.kv_data[0].clear()
writer.add_type("imatrix")
writer.add_array("imatrix.datasets", ["calibration.txt"])
writer.add_uint32("imatrix.chunk_count", 2)
writer.add_uint32("imatrix.chunk_size", 512)
writer.add_tensor("blk.0.attn_q.weight.in_sum2", attn.reshape(1, 4))
writer.add_tensor("blk.0.attn_q.weight.counts", np.array([[1024]], dtype=np.float32))
writer.add_tensor("blk.1.ffn_up_exps.weight.in_sum2", experts)
writer.add_tensor("blk.1.ffn_up_exps.weight.counts", counts.reshape(3, 1))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()


def text(value):
    return struct.pack("<i", len(value)) + value.encode()


with open(os.path.join(folder, "imatrix.dat"), "wb") as file:
    file.write(struct.pack("<i", 2))
    for name, means in [
        ("blk.0.attn_q.weight", attn / 1024),
        ("blk.1.ffn_up_exps.weight", np.array([[0.5, 1, 1.5, 2], [1, 2, 3, 4], [1, 1, 1, 1]])),
    ]:
        values = (means * 2).astype("<f4").ravel()
        file.write(text(name) + struct.pack("<ii", 2, values.size) + values.tobytes())
    file.write(struct.pack("<i", 2) + text("calibration.txt"))
