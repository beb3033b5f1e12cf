"""A LLaMA network and its tokenizer as a GGUF file that llama.cpp reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from kdui.core.errors import StageFailed
from kdui.models.causal import CausalLM
from kdui.models.causal_lm.from_gguf import CONTROL, NAMES, OUTSIDE, PRE_TOKENIZERS
from kdui.models.gguf_writer import BLOCK, Kind, write_gguf

FILE_TYPES: dict[Kind, int] = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 7}  # llama.cpp's LLAMA_FTYPE
_NORMAL, _UNUSED = 1, 5  # types of tokens
_TABLE = "token_embd.weight"


def write_llama(path: Path, module: CausalLM, kind: Kind, name: str, claims: str = "") -> dict[str, int]:
    """Write the network with its matrices in ``kind``; returns how many tensors are of each. Raises StageFailed in words.

    Vectors stay F32, as llama.cpp has them, and so do matrices whose rows are no whole blocks in F16. The table of embeddings,
    which is the head as well, keeps 8 bits where the others have 4.
    """
    if module.tokenizer_json is None:
        raise StageFailed("This model has no tokenizer, which a GGUF file holds. Choose another model.")
    network = module.network
    tensors = _tensors(network)
    if not module.is_tied:
        raise StageFailed("Its head is not its table of embeddings, which is not written as GGUF here. Use format: hf.")
    kinds = {each: _kind_of(each, values, kind) for each, values in tensors.items()}
    facts = {
        "general.architecture": "llama",
        "general.name": name,
        "general.file_type": FILE_TYPES[kind],
        "general.quantization_version": 2,
        **_shape(network.config),
        **_tokenizer(module.tokenizer_json, network.config.vocab_size),
        **_chat(module),
        **({"kdui.claims": claims} if claims else {}),
    }
    write_gguf(path, facts, {each: (values, kinds[each]) for each, values in tensors.items()})
    return {each: list(kinds.values()).count(each) for each in dict.fromkeys(kinds.values())}


def _kind_of(name: str, values: np.ndarray, kind: Kind) -> Kind:
    if values.ndim == 1:
        return "F32"
    if kind in ("Q4_0", "Q8_0") and values.shape[1] % BLOCK:
        return "F16"
    return "Q8_0" if kind == "Q4_0" and name == _TABLE else kind


def _tensors(network: Any) -> dict[str, np.ndarray]:
    """All weights in fp32 by llama.cpp's names; queries and keys have their rows turned as it wants them."""
    if not isinstance(network, LlamaForCausalLM):
        raise StageFailed(f"Only LLaMA networks are written as GGUF, and this one is {type(network).__name__}. Use format: hf.")
    config, state = network.config, {name: value.detach().float().numpy() for name, value in network.state_dict().items()}
    names = {f"{theirs}.weight": f"{ours}.weight" for theirs, ours in OUTSIDE.items()}
    for layer in range(config.num_hidden_layers):
        names |= {f"blk.{layer}.{one}.weight": f"model.layers.{layer}.{other}.weight" for one, other in NAMES.items()}
    other = sorted({*state} ^ {*names.values(), "lm_head.weight"})
    if other:
        raise StageFailed(f"Its layers are not those of a plain LLaMA network ({', '.join(other[:3])}), so it is no GGUF model.")
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    return {theirs: _turned(state[ours], heads.get(theirs.split(".")[-2], 0)) for theirs, ours in names.items()}


def _turned(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp turns neighbouring entries of a head, transformers its two halves (``permute`` of convert_hf_to_gguf.py)."""
    if not heads:
        return weight
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def _shape(config: Any) -> dict[str, Any]:
    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "default":
        raise StageFailed("Its rotary positions are scaled, which is not written as GGUF here. Use format: hf.")
    return {
        "llama.block_count": config.num_hidden_layers,
        "llama.context_length": config.max_position_embeddings,
        "llama.embedding_length": config.hidden_size,
        "llama.feed_forward_length": config.intermediate_size,
        "llama.attention.head_count": config.num_attention_heads,
        "llama.attention.head_count_kv": config.num_key_value_heads,
        "llama.attention.layer_norm_rms_epsilon": float(config.rms_norm_eps),
        "llama.rope.freq_base": float(rope["rope_theta"]),
        "llama.rope.dimension_count": config.head_dim,
        "llama.attention.key_length": config.head_dim,
        "llama.attention.value_length": config.head_dim,
        "llama.vocab_size": config.vocab_size,
    }


def _chat(module: CausalLM) -> dict[str, Any]:
    """The chat template; the token that ends its answers then ends texts."""
    if module.chat is None:
        return {}
    words = Tokenizer.from_str(str(module.tokenizer_json))
    end = words.token_to_id(module.chat.ends[0]) if module.chat.ends else None
    facts: dict[str, Any] = {"tokenizer.chat_template": module.chat.template}
    return facts if end is None else {**facts, "tokenizer.ggml.eos_token_id": end}


def _tokenizer(tokenizer_json: str, rows: int) -> dict[str, Any]:
    """Tokens and merges of byte pairs, by the name that llama.cpp gives the way in which they cut texts."""
    described = json.loads(tokenizer_json)
    words, own = described["model"], described["pre_tokenizer"] or {}
    kinds = tuple(part["type"] for part in own.get("pretokenizers", [own] if own else []))
    named = next((name for name, parts in PRE_TOKENIZERS.items() if parts == kinds), None)
    if words.get("type") != "BPE" or named is None:
        raise StageFailed("Its tokenizer cuts texts in a way that is not written as GGUF here. Use format: hf.")
    special = {token["id"] for token in described["added_tokens"] if token["special"]}
    by_number = {number: token for token, number in words["vocab"].items()}
    by_number |= {token["id"]: token["content"] for token in described["added_tokens"]}
    begin = Tokenizer.from_str(tokenizer_json).encode("").ids[0]  # every text begins with it: see byte_pairs
    padding = described["padding"]["pad_id"] if described["padding"] else begin
    types = [CONTROL if at in special else _NORMAL if at in by_number else _UNUSED for at in range(rows)]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": named,
        "tokenizer.ggml.tokens": [by_number.get(number, f"[unused{number}]") for number in range(rows)],
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [pair if isinstance(pair, str) else " ".join(pair) for pair in words["merges"]],
        "tokenizer.ggml.bos_token_id": begin,
        "tokenizer.ggml.eos_token_id": begin,  # what begins a text parts it from the one before
        "tokenizer.ggml.padding_token_id": padding,
        "tokenizer.ggml.add_bos_token": True,
    }
