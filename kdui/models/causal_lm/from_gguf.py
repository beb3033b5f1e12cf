"""A LLaMA network and its tokenizer from a GGUF file, its weights in fp32 as their few bits say."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.core.chat import LONGEST_TEMPLATE, ChatFormat
from kdui.core.errors import SourceError
from kdui.models.byte_pairs import with_beginning
from kdui.models.causal import CausalLM
from kdui.models.gguf_file import GgufFile
from kdui.models.transformer import ATTENTION

CONTROL = 3  # the type of a token that no text contains
PRE_TOKENIZERS = {"gpt-2": ("ByteLevel",), "smollm": ("Digits", "ByteLevel")}  # how texts are cut into words, by llama.cpp's name
_PARTS = {
    "Digits": pre_tokenizers.Digits(individual_digits=True),
    "ByteLevel": pre_tokenizers.ByteLevel(add_prefix_space=False),
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
NAMES = {  # of a layer's tensors, in the file and in the network
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def read_llama(path: Path) -> CausalLM:
    """The whole model with tied embeddings; raises SourceError where the file holds another architecture or lacks tensors."""
    file = GgufFile(path)
    if file.facts.get("general.architecture") != "llama" or "output.weight" in file.stored:
        raise SourceError(f"{path} is no LLaMA network with tied embeddings. Choose another file.")
    try:
        config = _config(file.facts)
        state = {f"{name}.weight": file.tensor(f"{theirs}.weight") for theirs, name in OUTSIDE.items()}
        for layer in range(config.num_hidden_layers):
            for theirs, ours in NAMES.items():
                weight = file.tensor(f"blk.{layer}.{theirs}.weight")
                state[f"model.layers.{layer}.{ours}.weight"] = _unturned(theirs, weight, config)
        words = _tokenizer(file.facts)
    except KeyError as error:
        raise SourceError(f"{path} lacks {error}. Fetch it again.") from error
    with torch.device("meta"):
        network = LlamaForCausalLM(config)
    tensors = {name: torch.from_numpy(array) for name, array in state.items()}
    network.load_state_dict({**tensors, "lm_head.weight": tensors["model.embed_tokens.weight"]}, assign=True)
    network.model.rotary_emb = type(network.model.rotary_emb)(config=config)  # its buffers are no weights, and lie on meta still
    network.tie_weights()
    module = CausalLM(network, words)
    module.chat = _chat(file.facts)
    return module


def _config(facts: dict[str, Any]) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(facts["tokenizer.ggml.tokens"]),
        hidden_size=facts["llama.embedding_length"],
        num_hidden_layers=facts["llama.block_count"],
        num_attention_heads=facts["llama.attention.head_count"],
        num_key_value_heads=facts["llama.attention.head_count_kv"],
        head_dim=facts.get("llama.attention.key_length"),
        intermediate_size=facts["llama.feed_forward_length"],
        max_position_embeddings=facts["llama.context_length"],
        rms_norm_eps=facts["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": facts["llama.rope.freq_base"]},
        tie_word_embeddings=True,
        use_cache=False,
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation=ATTENTION,  # type: ignore[call-arg] # taken by **kwargs of the class that the decorator hides
    )


def _unturned(name: str, weight: Any, config: LlamaConfig) -> Any:
    """Rows of queries and keys as transformers has them: llama.cpp turns neighbouring entries, transformers the two halves."""
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(name)
    if heads is None:
        return weight
    return weight.reshape(heads, weight.shape[0] // heads // 2, 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape).copy()


def _chat(facts: dict[str, Any]) -> ChatFormat | None:
    """The chat template, whose answers end with the token that the file names."""
    template = facts.get("tokenizer.chat_template")
    if not template or len(template) > LONGEST_TEMPLATE:
        return None
    named = {name: facts.get(f"tokenizer.ggml.{name}_id") for name in ("bos_token", "eos_token")}
    tokens = {name: facts["tokenizer.ggml.tokens"][number] for name, number in named.items() if number is not None}
    return ChatFormat(template=template, tokens=tokens, ends=tuple(tokens[name] for name in ("eos_token",) if name in tokens))


def _tokenizer(facts: dict[str, Any]) -> str:
    """Byte pairs as SmolLM2 has them, where digits stand alone, or as GPT-2 does. Texts begin with the token that the file puts
    there, or with the first control token, which parts documents."""
    if facts["tokenizer.ggml.model"] != "gpt2" or facts.get("tokenizer.ggml.pre") not in PRE_TOKENIZERS:
        raise SourceError("The tokenizer of the GGUF file cuts texts in a way that is not known here. Choose another file.")
    words = {token: number for number, token in enumerate(facts["tokenizer.ggml.tokens"])}
    merges = [tuple(pair.split(" ")) for pair in facts["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=merges))
    parts = [_PARTS[name] for name in PRE_TOKENIZERS[facts["tokenizer.ggml.pre"]]]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts) if len(parts) > 1 else parts[0]
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(words, facts["tokenizer.ggml.token_type"], strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    padding = int(facts["tokenizer.ggml.padding_token_id"])
    tokenizer.enable_padding(pad_id=padding, pad_token=tokenizer.id_to_token(padding))
    begins = facts.get("tokenizer.ggml.add_bos_token", False)
    return with_beginning(tokenizer.to_str(), [int(facts["tokenizer.ggml.bos_token_id"])] if begins else control[:1])
