"""A GGUF file of a small LLaMA, written as llama.cpp's converter does: queries and keys turned, weights in blocks of 32."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from transformers import LlamaForCausalLM

from kdui.models.causal_lm.from_gguf import NAMES, OUTSIDE

_KINDS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8}


def blocks(values: np.ndarray, kind: str) -> tuple[bytes, np.ndarray]:
    """The bytes of a tensor, and the values that they stand for."""
    if kind in ("F32", "F16"):
        kept = values.astype(np.float32 if kind == "F32" else np.float16)
        return kept.tobytes(), kept.astype(np.float32)
    rows, packed, read = values.reshape(-1, 32).astype(np.float32), [], []
    for row in rows:
        if kind == "Q8_0":
            scale = np.float16(np.abs(row).max() / 127)
            codes = np.clip(np.round(row / np.float32(scale)), -127, 127).astype(np.int8)
            packed.append(scale.tobytes() + codes.tobytes())
            read.append(codes * np.float32(scale))
            continue
        low, high = (row.min(), row.max()) if kind == "Q4_1" else (-np.abs(row).max(), np.abs(row).max())
        scale = np.float16((high - low) / 15)
        offset = np.float16(low) if kind == "Q4_1" else np.float16(0)
        shift = 0 if kind == "Q4_1" else 8
        codes = np.clip(np.round((row - np.float32(offset)) / np.float32(scale)) + shift, 0, 15).astype(np.uint8)
        packed.append(scale.tobytes() + (offset.tobytes() if kind == "Q4_1" else b"") + (codes[:16] | codes[16:] << 4).tobytes())
        read.append((codes.astype(np.float32) - shift) * np.float32(scale) + np.float32(offset))
    return b"".join(packed), np.concatenate(read).reshape(values.shape)


def turned(weight: np.ndarray, heads: int) -> np.ndarray:
    """``LlamaModel.permute`` of convert_hf_to_gguf.py."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def unturned(weight: np.ndarray, heads: int) -> np.ndarray:
    """The same rows in their old order, found by turning their numbers."""
    order = turned(np.arange(weight.shape[0])[:, None], heads)[:, 0]
    result = np.empty_like(weight)
    result[order] = weight
    return result


def write_gguf(path: Path, network: LlamaForCausalLM, tokens: list[str], merges: list[str], kind: str) -> None:
    """Write the file, and give the network the weights that stand in it."""
    config, tensors = network.config, {}
    state = network.state_dict()
    names = {f"{theirs}.weight": f"{ours}.weight" for theirs, ours in OUTSIDE.items()}
    for layer in range(config.num_hidden_layers):
        names |= {f"blk.{layer}.{one}.weight": f"model.layers.{layer}.{other}.weight" for one, other in NAMES.items()}
    for theirs, ours in names.items():
        values = state[ours].numpy().copy()
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(theirs.split(".")[-2], 0)
        used = kind if values.ndim == 2 else "F32"
        data, read = blocks(turned(values, heads) if heads else values, used)
        tensors[theirs] = (values.shape, used, data)
        state[ours].copy_(network.lm_head.weight.new_tensor(unturned(read, heads) if heads else read))
    facts: dict[str, tuple[str, Any]] = {
        "general.architecture": ("s", "llama"),
        "llama.block_count": ("I", config.num_hidden_layers),
        "llama.context_length": ("I", config.max_position_embeddings),
        "llama.embedding_length": ("I", config.hidden_size),
        "llama.feed_forward_length": ("I", config.intermediate_size),
        "llama.attention.head_count": ("I", config.num_attention_heads),
        "llama.attention.head_count_kv": ("I", config.num_key_value_heads),
        "llama.rope.freq_base": ("f", config.rope_parameters["rope_theta"]),
        "llama.attention.layer_norm_rms_epsilon": ("f", config.rms_norm_eps),
        "tokenizer.ggml.model": ("s", "gpt2"),
        "tokenizer.ggml.pre": ("s", "smollm"),
        "tokenizer.ggml.tokens": ("[s", tokens),
        "tokenizer.ggml.merges": ("[s", merges),
        "tokenizer.ggml.token_type": ("[I", [3, 3, *[1] * (len(tokens) - 2)]),
        "tokenizer.ggml.padding_token_id": ("I", 1),
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(facts))
    head += b"".join(_text(name) + _value(layout, value) for name, (layout, value) in facts.items())
    body = b""
    for name, (shape, used, data) in tensors.items():
        head += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], _KINDS[used], len(body))
        body += data + bytes(-len(data) % 32)
    path.write_bytes(head + bytes(-len(head) % 32) + body)


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(layout: str, value: Any) -> bytes:
    numbers = {"s": 8, "I": 4, "f": 6}
    kind = layout[-1]
    one = _text if kind == "s" else lambda each: struct.pack(f"<{kind}", each)
    if layout[0] == "[":
        return struct.pack("<IIQ", 9, numbers[kind], len(value)) + b"".join(map(one, value))
    return struct.pack("<I", numbers[kind]) + one(value)
