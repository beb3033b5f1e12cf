"""A language model as a folder: for transformers, or its graph for ONNX Runtime GenAI. Folders leave as archives."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import onnx
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from kdui.core.chat import ChatFormat
from kdui.core.errors import StageFailed
from kdui.core.layout import MODEL_FILE, TOKENIZER
from kdui.modalities.text.chat import ids_of
from kdui.models.causal import CausalLM
from kdui.runtime.cache_inputs import IDS, LOGITS, MASK, PAST, POSITIONS, PRESENT
from kdui.runtime.graph_files import graph_files

GENAI_CONFIG = "genai_config.json"
LATER = (1980, 1, 1, 0, 0, 0)  # the time of every file in an archive: the same model gives the same bytes


def write_hf(folder: Path, module: CausalLM, tokenizer: Path) -> None:
    """Safetensors, config and tokenizer, as ``from_pretrained`` of transformers takes them."""
    config = module.network.config
    kept = config.use_cache
    config.use_cache = True  # which training turns off
    words = _tokenizer(tokenizer, config, module.chat)
    if module.chat and (ends := ids_of(module.chat, words.backend_tokenizer)):
        module.network.generation_config.eos_token_id = ends
    try:
        module.network.save_pretrained(folder)
    finally:
        config.use_cache = kept
    words.save_pretrained(folder)


def read_hf(folder: Path) -> tuple[CausalLM, Any]:
    """The network and the tokenizer as transformers reads them; raises StageFailed where weights are missing or strange."""
    network, facts = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True, local_files_only=True, trust_remote_code=False
    )
    wrong = sorted(str(name) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in facts[kind])
    if wrong:
        raise StageFailed(
            f"transformers has no place for some of its weights ({', '.join(wrong[:3])}): compression has changed its layers. "
            "Put 'package' after a stage that leaves them whole, or use format: genai."
        )
    return CausalLM(network.eval()), AutoTokenizer.from_pretrained(folder, local_files_only=True)


def write_genai(folder: Path, graph: Path, tokenizer: Path, context_length: int, chat: ChatFormat | None = None) -> None:
    """The graph with its weights, the tokenizer, the chat template where there is one, and the config that maps the names of
    inputs and outputs.

    Raises StageFailed where the graph keeps no cache.
    """
    described = onnx.load(graph, load_external_data=False).graph
    inputs = {item.name: item for item in described.input}
    keys = [name for name in inputs if name.startswith(f"{PAST}.") and name.endswith(".key")]
    if not keys:
        raise StageFailed("This graph has no KV cache, which ONNX Runtime GenAI wants. Leave 'kv_cache' of the export on.")
    for path in graph_files(graph):
        shutil.copyfile(path, folder / path.name)
    shutil.copyfile(tokenizer, folder / TOKENIZER)
    words = Tokenizer.from_file(str(tokenizer))
    begin = words.encode("").ids[0]
    padding = words.padding["pad_id"] if words.padding else begin
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": words.id_to_token(begin),
        "pad_token": words.id_to_token(padding),
    }
    own = {**chat.tokens, "chat_template": chat.template} if chat else {}
    _write(folder / "tokenizer_config.json", {**names, "model_max_length": context_length, **own})
    heads, width = (inputs[keys[0]].type.tensor_type.shape.dim[axis].dim_value for axis in (1, 3))
    decoder = {
        "filename": MODEL_FILE,
        "head_size": width,
        "num_key_value_heads": heads,
        "num_hidden_layers": len(keys),
        "session_options": {"provider_options": []},
        "inputs": {
            **{name: name for name in (IDS, MASK, POSITIONS)},
            "past_key_names": f"{PAST}.%d.key",
            "past_value_names": f"{PAST}.%d.value",
        },
        "outputs": {LOGITS: LOGITS, "present_key_names": f"{PRESENT}.%d.key", "present_value_names": f"{PRESENT}.%d.value"},
    }
    choices = next(item for item in described.output if item.name == LOGITS).type.tensor_type.shape.dim[2].dim_value
    tokens = {
        "bos_token_id": begin,
        "eos_token_id": (chat and ids_of(chat, words)) or begin,
        "pad_token_id": padding,
        "vocab_size": choices,
    }
    model = {"type": "llama", "context_length": context_length, **tokens, "decoder": decoder}
    search = {"max_length": context_length, "do_sample": False, "past_present_share_buffer": False}
    _write(folder / GENAI_CONFIG, {"model": model, "search": search})


def archive(folder: Path, target: Path) -> None:
    """The files of a folder in one archive, as they are: weights do not get smaller."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as whole:
        for path in sorted(folder.iterdir()):
            with path.open("rb") as source, whole.open(zipfile.ZipInfo(path.name, LATER), "w", force_zip64=True) as entry:
                shutil.copyfileobj(source, entry)


def _tokenizer(path: Path, config: Any, chat: ChatFormat | None) -> PreTrainedTokenizerFast:
    words = Tokenizer.from_file(str(path))
    begin = words.id_to_token(words.encode("").ids[0])
    padding = words.padding["pad_token"] if words.padding else begin
    special = {"bos_token": begin, "eos_token": begin, "pad_token": padding, **(chat.tokens if chat else {})}
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path), model_max_length=config.max_position_embeddings, **special)
    tokenizer.chat_template = chat.template if chat else None
    return tokenizer


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1), encoding="utf-8")
