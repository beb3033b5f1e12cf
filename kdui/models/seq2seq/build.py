"""An encoder-decoder Transformer (Vaswani et al. 2017, arXiv:1706.03762) with norms before each part (Xiong et al. 2020,
arXiv:2002.04745), sinusoidal positions, and one table for both embeddings and the outputs (Press and Wolf 2017)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import PegasusConfig, PegasusForConditionalGeneration

from kdui.core.contracts import InputSettings, TaskFacts
from kdui.core.errors import StageFailed
from kdui.models.byte_pairs import trained_for_pairs, vocabulary_size
from kdui.models.encoder_decoder import EncoderDecoder, described, from_description, resize_vocabulary
from kdui.models.seq2seq.spec import Seq2SeqOptions
from kdui.models.tokens import text_inputs
from kdui.models.transformer import ATTENTION
from kdui.models.vocabulary import Vocabulary

POSITIONS = 256
VOCABULARY: int = Seq2SeqOptions.model_fields["vocabulary"].default  # rows before a teacher's tokenizer gives their number
BEGIN_ID, PAD_ID, END_ID = range(3)  # as ``byte_pairs.trained_for_pairs`` numbers them


def build(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> EncoderDecoder:
    """New weights and no tokenizer yet."""
    network = PegasusForConditionalGeneration(_config(options))
    network.tie_weights()
    return EncoderDecoder(network)


def inputs(options: Mapping[str, Any], facts: TaskFacts, folder: Path | None) -> InputSettings:
    """Token ids of the tokenizer that was trained for the model, or of its teacher's; no text is cut."""
    return text_inputs(facts, longest=POSITIONS, whole=True)


def start_from_texts(module: EncoderDecoder, texts: Sequence[str]) -> None:
    """Train the tokenizer; a table that is longer than the texts have pairs for is cut to it."""
    module.tokenizer_json = trained_for_pairs(texts, module.word_embedding.num_embeddings)
    if (rows := vocabulary_size(module.tokenizer_json)) != module.word_embedding.num_embeddings:
        resize_vocabulary(module, rows)


def start_from_teacher(module: EncoderDecoder, teacher: Any, vocabulary: Vocabulary, texts: Sequence[str] = ()) -> None:
    """No student here takes its teacher's layers; raises StageFailed."""
    raise StageFailed("A student of this family starts at random over its teacher's tokens. Set fresh to true.")


def start_by_chance(module: EncoderDecoder, teacher: Any, vocabulary: Vocabulary) -> None:
    """Take the teacher's tokenizer, as many rows as that has outputs, and none of the teacher's weights."""
    if vocabulary.rows is not None:
        raise StageFailed("The tokens of an encoder-decoder cannot be trimmed yet. Set vocabulary to 0.")
    resize_vocabulary(module, teacher.head.out_features)
    module.tokenizer_json = vocabulary.tokenizer_json


def architecture(module: EncoderDecoder) -> dict[str, Any]:
    """The network's config."""
    return described(module)


def skeleton(options: Mapping[str, Any], facts: TaskFacts, architecture: Mapping[str, Any]) -> EncoderDecoder:
    """The same with new weights."""
    return from_description(architecture)


def _config(options: Mapping[str, Any]) -> PegasusConfig:
    width, layers = options["width"], options["layers"]
    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in (("attention_heads", options["heads"]), ("ffn_dim", options["units"]))
    }
    return PegasusConfig(
        vocab_size=options["vocabulary"] or VOCABULARY,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=options["decoder_layers"] or layers,
        **sides,
        activation_function="relu",
        dropout=0.1,
        max_position_embeddings=POSITIONS,
        scale_embedding=True,  # with the next line entries of about 1 beside the positions, and logits of about 1 at the start
        init_std=width**-0.5,
        pad_token_id=PAD_ID,
        bos_token_id=BEGIN_ID,
        eos_token_id=END_ID,
        decoder_start_token_id=BEGIN_ID,
        forced_eos_token_id=None,
        attn_implementation=ATTENTION,
    )
