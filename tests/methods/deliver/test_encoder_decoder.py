"""An encoder-decoder as a graph: whole, in halves and as int8 it computes and writes what the module does."""

import itertools

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from kdui.catalogue.tasks import TASKS
from kdui.core.contracts import InputSettings
from kdui.core.errors import KduiError
from kdui.core.layout import TOKENIZER
from kdui.core.padding import DECODER_IDS, DECODER_MASK, MASK
from kdui.core.sampling import Sampling
from kdui.methods.compress.quantize.int8 import write_dynamic
from kdui.methods.deliver.export.encoder_decoder import write_encoder_decoder
from kdui.modalities.text.prepare import prepare
from kdui.models.continuation import answered, sampler
from kdui.models.seq2seq import build
from kdui.problems.seq2seq.decoder_tokens import decoder_arrays, ends_of, room_for
from kdui.runtime.encoded_tokens import token_graph
from kdui.runtime.encoder_decoder import attention_of
from kdui.runtime.generation import Decoder
from kdui.runtime.sessions import open_session
from kdui.runtime.written_texts import WrittenTexts
from kdui.serving.alignment import alignment
from kdui.serving.open_models import OpenModel
from kdui.serving.streams import GeneratedText

OPTIONS = {"layers": 1, "decoder_layers": 1, "width": 32, "heads": 2, "units": 64, "vocabulary": 300, "fresh": False}
SETTINGS = {"max_length": 64, "whole": True}
TEXTS = ("Open the file.", "Choose a page in the menu, then close it.", "OK")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A module with random weights, the folder of its graph, and arrays of three sentences."""
    folder = tmp_path_factory.mktemp("graph")
    torch.manual_seed(0)
    module = build.build(OPTIONS, TASKS["help-de"], None)
    build.start_from_texts(module, TEXTS)
    (folder / TOKENIZER).write_text(module.tokenizer_json, encoding="utf-8")
    write_encoder_decoder(module, 20, folder / "model.onnx")
    arrays = prepare(TEXTS, SETTINGS, folder) | decoder_arrays(TEXTS[::-1], folder, 64)
    return module.eval(), folder, arrays


def test_whole_and_token_by_token_it_computes_what_the_module_does(written):
    module, folder, arrays = written
    session, real = open_session(folder / "model.onnx"), arrays[DECODER_MASK] == 1
    with torch.no_grad():
        expected = module(**{name: torch.from_numpy(array) for name, array in arrays.items()}).numpy()
    assert np.abs(session.run(None, arrays)[0] - expected)[real].max() < 1e-4
    for place in range(len(TEXTS)):
        decoder = Decoder(session, arrays["input_ids"][place][arrays[MASK][place] == 1].tolist())
        tokens = arrays[DECODER_IDS][place][real[place]].tolist()
        rows = np.concatenate([decoder.feed(part) for part in (tokens[:2], *([token] for token in tokens[2:]))])
        assert np.abs(rows - expected[place][real[place]]).max() < 1e-4 and decoder.has_cache


def test_it_writes_what_the_module_writes_and_says_why_it_cannot(written):
    module, folder, arrays = written
    session, ends = open_session(folder / "model.onnx"), ends_of(Tokenizer.from_file(str(folder / TOKENIZER)))
    inputs, room = {name: torch.from_numpy(arrays[name]) for name in ("input_ids", MASK)}, room_for(arrays["input_ids"].shape[1])
    tokens = answered(module, inputs, ends, room, sampler(0.0, 1.0, torch.Generator())).tolist()
    theirs = [row[1 : row.index(ends.end)] if ends.end in row else row[1:] for row in tokens]
    assert WrittenTexts(session, folder).tokens(arrays["input_ids"], arrays[MASK]) == theirs
    stream = GeneratedText(_opened(folder))
    pieces = list(stream.stream(TEXTS[0], Sampling(temperature=0, limit=5)))
    assert sum(len(piece.tokens) for piece in pieces) <= 5 and pieces[-1].ended in ("limit", "end token")
    with pytest.raises(KduiError, match="sentence is empty"):
        next(stream.stream("  ", Sampling(limit=5)))
    with pytest.raises(KduiError, match="made for at most 64"):
        next(stream.stream("Öffnen " * 60, Sampling(limit=5)))
    with pytest.raises(KduiError, match="Give it a text first"):
        token_graph(session).start()


def test_attention_read_off_the_graph_is_the_modules_by_words(written):
    module, folder, _ = written
    source, target = "Close a page", "Open it"
    told = alignment(_opened(folder), source, target)
    assert (told["source"], told["written"], len(told["layers"])) == (["Close", "a", "page"], ["Open", "it"], 1)
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    words = [tokenizer.encode(word, add_special_tokens=False).ids for word in ("Close", " a", " page", "Open", " it")]
    read, wrote = [[token for word in part for token in word] for part in (words[:3], words[3:])]
    ids = torch.tensor([[*read, ends_of(tokenizer).end]]), torch.tensor([[build.BEGIN_ID, *wrote]])
    with torch.no_grad():
        network = module.network.base_model
        (theirs,) = network(input_ids=ids[0], decoder_input_ids=ids[1], output_attentions=True).cross_attentions
    places = np.cumsum([0, *map(len, words[:3])])
    first = theirs[0].mean(0)[: len(words[3])].mean(0).numpy()  # of "Open", whose tokens are written from the first step on
    expected = [first[start:end].sum() for start, end in itertools.pairwise(places)]
    assert told["layers"][0][0] == pytest.approx(expected, abs=2e-4) and sum(told["layers"][0][0]) < 1  # the end has a share
    for words, message in ((("", "x"), "between texts of 1 to"), (("Öffnen " * 30, "x"), "more than 64 tokens")):
        with pytest.raises(KduiError, match=message):
            alignment(_opened(folder), *words)


def _opened(folder, name="model.onnx"):
    return OpenModel(open_session(folder / name), InputSettings(modality="text", settings=SETTINGS), folder)


def test_both_halves_are_rounded_to_int8_at_once(written):
    _, folder, arrays = written
    target = folder / "int8.onnx"
    assert write_dynamic(folder / "model.onnx", target, reduce_range=False)
    assert target.stat().st_size < 0.7 * (folder / "model.onnx").stat().st_size
    whole, rounded = (open_session(path).run(None, arrays)[0] for path in (folder / "model.onnx", target))
    assert 0 < np.abs(whole - rounded).mean() < 0.2 * np.abs(whole).mean()
    assert write_dynamic(folder / "model.onnx", folder / "fused.onnx", reduce_range=False, fused=True, sample=arrays)
    assert np.allclose(open_session(folder / "fused.onnx").run(None, arrays)[0], rounded, atol=0.2 * np.abs(whole).mean())
    assert [len(attention_of(path).graph.output) for path in (target, folder / "fused.onnx")] == [1, 1]
    encoder, decoder = open_session(target).halves
    kinds = [sum("Integer" in node or "Quantize" in node for node in _operators(target, half)) for half in range(2)]
    assert min(kinds) > 0 and encoder.get_outputs() and decoder.get_inputs()


def _operators(path, half):
    from kdui.runtime.encoder_decoder import decoder_of, encoder_of

    return [node.op_type for node in (encoder_of, decoder_of)[half](path).graph.node]
