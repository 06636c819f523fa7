"""ggml's encoders for bench/encoders.ts, with the requests and answers of native/tests/bench-encode.cc.

    npm pack @node-llama-cpp/linux-x64 && tar xzf *.tgz
    python3 ggml-encode.py package/bins/linux-x64/libggml-base.so

Needs nothing but Python. The rows are cut into one piece for each thread; Python runs nothing while the library works.
"""

import ctypes
import os
import sys
import threading
import time

library = ctypes.CDLL(sys.argv[1])
library.ggml_quantize_chunk.restype = ctypes.c_size_t
library.ggml_quantize_chunk.argtypes = [
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
]
library.ggml_row_size.restype = ctypes.c_size_t
library.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]


def read(path):
    with open(path, "rb") as file:
        return ctypes.create_string_buffer(file.read(), os.path.getsize(path))


for line in sys.stdin:
    *numbers, values_path, weights_path, out_path = line.split()
    kind, columns, threads = (int(number) for number in numbers)
    values = read(values_path)
    weights = None if weights_path == "-" else read(weights_path)
    rows = len(values) // (4 * columns)
    row_bytes = library.ggml_row_size(kind, columns)
    out = ctypes.create_string_buffer(rows * row_bytes)
    library.ggml_quantize_init(kind)

    def work(first, last):
        library.ggml_quantize_chunk(
            kind, ctypes.addressof(values) + 4 * columns * first, ctypes.addressof(out) + row_bytes * first,
            0, last - first, columns, ctypes.addressof(weights) if weights else None)

    cuts = [rows * i // threads for i in range(threads + 1)]
    pieces = [threading.Thread(target=work, args=cut) for cut in zip(cuts, cuts[1:])]
    start, cpu = time.perf_counter(), time.process_time()
    for piece in pieces:
        piece.start()
    for piece in pieces:
        piece.join()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    with open(out_path, "wb") as file:
        file.write(out.raw)
    print(seconds, cpu_seconds, flush=True)
