"""Weights of small random dots1 models, made from names alone, so that no weight file is committed.

`test/fixtures/random-dots1.ts` is the same generator in TypeScript; both give the same bits, because every step is
either 32-bit integer arithmetic or one correctly rounded f64 operation.
"""

import numpy as np


def fnv1a32(text):
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return h


def random_bits(name, seed, count):
    """`count` 32-bit values for a name: a counter through the finalizer of MurmurHash3."""
    start = fnv1a32(name) ^ (seed & 0xFFFFFFFF)
    h = (np.arange(count, dtype=np.uint64) * 0x9E3779B9 + start).astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def random_tensor(name, shape, std, seed):
    """Uniform values of standard deviation `std` (around 1 for norm weights, else around 0), row-major f32."""
    u = random_bits(name, seed, int(np.prod(shape))) / 4294967296.0
    values = (u - 0.5) * np.sqrt(12.0) * std
    if name.endswith("norm.weight"):
        values = values + 1.0
    return values.astype(np.float32).reshape(shape)


def tensor_specs(c):
    """Hugging Face name -> (shape, standard deviation) of every tensor of a configuration in `config.json` spelling."""
    width = c["hidden_size"]
    heads, kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
    head_dim = c.get("head_dim") or width // heads
    specs = {}

    def matrix(name, rows, columns, gain=1.0):
        specs[name] = ((rows, columns), gain / np.sqrt(float(columns)))

    def norm(name, size):
        specs[name] = ((size,), 0.1)

    def feed_forward(prefix, hidden):
        matrix(f"{prefix}.gate_proj.weight", hidden, width)
        matrix(f"{prefix}.up_proj.weight", hidden, width)
        matrix(f"{prefix}.down_proj.weight", width, hidden)

    # A tied embedding is the output matrix too, so it takes the scale that gives logits of unit variance.
    tied = c["tie_word_embeddings"]
    specs["model.embed_tokens.weight"] = ((c["vocab_size"], width), 1.0 / np.sqrt(float(width)) if tied else 1.0)
    for layer in range(c["num_hidden_layers"]):
        p = f"model.layers.{layer}"
        norm(f"{p}.input_layernorm.weight", width)
        matrix(f"{p}.self_attn.q_proj.weight", heads * head_dim, width)
        matrix(f"{p}.self_attn.k_proj.weight", kv_heads * head_dim, width)
        matrix(f"{p}.self_attn.v_proj.weight", kv_heads * head_dim, width)
        matrix(f"{p}.self_attn.o_proj.weight", width, heads * head_dim)
        norm(f"{p}.self_attn.q_norm.weight", head_dim)
        norm(f"{p}.self_attn.k_norm.weight", head_dim)
        norm(f"{p}.post_attention_layernorm.weight", width)
        if layer < c["first_k_dense_replace"]:
            feed_forward(f"{p}.mlp", c["intermediate_size"])
            continue
        # Router scores spread over most of (0, 1), and biases as large as the spread: both decide who is chosen.
        matrix(f"{p}.mlp.gate.weight", c["n_routed_experts"], width, 1.5)
        specs[f"{p}.mlp.gate.e_score_correction_bias"] = ((c["n_routed_experts"],), 0.4)
        for expert in range(c["n_routed_experts"]):
            feed_forward(f"{p}.mlp.experts.{expert}", c["moe_intermediate_size"])
        feed_forward(f"{p}.mlp.shared_experts", c["moe_intermediate_size"] * c["n_shared_experts"])
    norm("model.norm.weight", width)
    if not tied:
        matrix("lm_head.weight", c["vocab_size"], width)
    return specs


def random_weights(config, seed):
    return {name: random_tensor(name, shape, std, seed) for name, (shape, std) in tensor_specs(config).items()}


def random_tokens(config, seed, count):
    return [int(bits) % config["vocab_size"] for bits in random_bits("tokens", seed, count)]


def checksum(weights):
    """Sum of all bit patterns modulo 2^32: tells whether the TypeScript twin made the same weights."""
    return sum(int(w.view(np.uint32).sum(dtype=np.uint64)) for w in weights.values()) % 2**32
