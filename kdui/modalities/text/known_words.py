"""How much of a task's texts a tokenizer's vocabulary covers."""

import json
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from kdui.core.layout import TOKENIZER


def unknown_share(folder: Path, input_ids: np.ndarray, attention_mask: np.ndarray) -> float:
    """The share of the tokens [n, length] of texts that stand for words outside the vocabulary of the folder's tokenizer.

    0 where it has no such token: it then spells every word. Tokens that it puts around every text do not count.
    """
    written = (Path(folder) / TOKENIZER).read_text(encoding="utf-8")
    tokenizer, model = Tokenizer.from_str(written), json.loads(written)["model"]
    unknown = model.get("unk_id") if "unk_id" in model else tokenizer.token_to_id(model.get("unk_token") or "")
    if unknown is None:
        return 0.0
    around = [token for token in tokenizer.encode("").ids if token != unknown]
    words = attention_mask.astype(bool) & ~np.isin(input_ids, around)
    return float((input_ids[words] == unknown).mean()) if words.any() else 0.0
