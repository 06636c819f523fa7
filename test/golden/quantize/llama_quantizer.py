"""llama.cpp's quantiser, from the libraries of the npm package @node-llama-cpp/linux-x64, by ctypes."""

import ctypes
import os
import re

import numpy as np

FILE_TYPES = {
    "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k_s": 11, "q3_k_m": 12, "q3_k_l": 13,
    "q4_k_s": 14, "q4_k_m": 15, "q5_k_s": 16, "q5_k_m": 17, "q6_k": 18, "iq2_xxs": 19, "iq2_xs": 20, "q2_k_s": 21,
    "iq3_xs": 22, "iq3_xxs": 23, "iq1_s": 24, "iq4_nl": 25, "iq3_s": 26, "iq3_m": 27, "iq2_s": 28, "iq2_m": 29,
    "iq4_xs": 30, "iq1_m": 31, "tq1_0": 36, "tq2_0": 37, "mxfp4_moe": 38, "nvfp4": 39, "q1_0": 40,
}


class Params(ctypes.Structure):
    _fields_ = [
        ("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("output", ctypes.c_int), ("embedding", ctypes.c_int),
        ("allow_requantize", ctypes.c_bool), ("quantize_output", ctypes.c_bool), ("only_copy", ctypes.c_bool),
        ("pure", ctypes.c_bool), ("keep_split", ctypes.c_bool), ("dry_run", ctypes.c_bool),
        ("imatrix", ctypes.c_void_p), ("overrides", ctypes.c_void_p), ("types", ctypes.c_void_p),
        ("prune", ctypes.c_void_p),
    ]


class Importance(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.POINTER(ctypes.c_float)), ("size", ctypes.c_size_t)]


TO_FLOAT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


class TypeTraits(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("block", ctypes.c_int64), ("interleaved", ctypes.c_int64), ("size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool), ("to_float", ctypes.c_void_p), ("from_float", ctypes.c_void_p),
    ]


class Quantizer:
    def __init__(self, folder):
        for name in sorted(os.listdir(folder)):
            if re.match(r"libggml-base|libggml\.|libllama\.v", name):
                self.library = ctypes.CDLL(os.path.join(folder, name), mode=ctypes.RTLD_GLOBAL)
                if name.startswith("libggml-base"):
                    self.base = self.library
        self.base.ggml_get_type_traits.restype = ctypes.POINTER(TypeTraits)
        self.base.ggml_get_type_traits.argtypes = [ctypes.c_int]
        self.library.llama_model_quantize_default_params.restype = Params
        self.lines = []
        callback_type = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
        self.callback = callback_type(lambda level, text, data: self.lines.append(text.decode()))
        self.library.llama_log_set(self.callback, None)
        self.library.llama_backend_init()

    def run(self, source, to, file_type, importance=None, dry=False):
        """Why it refused, or None, and what it logged. `importance`: an f32 array for each tensor's name."""
        params = self.library.llama_model_quantize_default_params()
        params.ftype, params.dry_run, params.nthread = file_type, dry, 1
        if importance:
            entries = [
                Importance(name.encode(), values.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), values.size)
                for name, values in importance.items()
            ]
            matrix = (Importance * (len(entries) + 1))(*entries, Importance(None, None, 0))
            params.imatrix = ctypes.addressof(matrix)
        self.lines.clear()
        status = self.library.llama_model_quantize(source.encode(), to.encode(), ctypes.byref(params))
        text = "".join(self.lines)
        return text.strip().split("failed to quantize: ")[-1] if status else None, text

    def to_float(self, kind, data, count):
        """What ggml decodes: `count` values of blocks of this type."""
        if kind == 0:
            return np.frombuffer(data, np.float32)
        values = np.empty(count, np.float32)
        TO_FLOAT(self.base.ggml_get_type_traits(kind).contents.to_float)(data, values.ctypes.data, count)
        return values
