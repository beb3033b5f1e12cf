"""llama.cpp itself: it reads our GGUF files as we do, and its server teaches a student by soft labels."""

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from kdui.catalogue.tasks import TASKS, load_task
from kdui.core.chat import ChatFormat
from kdui.core.run import RunState
from kdui.methods.teach.teach.labelling import labelling
from kdui.models.byte_pairs import trained_tokenizer, vocabulary_size
from kdui.models.causal import CausalLM
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.to_gguf import write_llama
from tests.engine.digits import Bench
from tests.models.test_gguf_writer import TEXTS, module  # noqa: F401
from tests.runtime.chat_server import RemoteBench
from tests.runtime.llama_server import LlamaServer

COUNT = 96
TEMPLATE = "{% for m in messages %}{{ m['content'][-40:] if m['role'] == 'system' else m['content'] }}{% endfor %}"


def bits(model: CausalLM, ids: list[int]) -> float:
    """What the tokens after the first cost together."""
    tensor = torch.tensor([ids])
    with torch.inference_mode():
        chances = model(tensor, torch.ones_like(tensor)).log_softmax(-1)
    return -float(chances[0, torch.arange(len(ids) - 1), tensor[0, 1:]].sum()) / math.log(2)


def greedy(model: CausalLM, ids: list[int], count: int) -> list[int]:
    """The most probable continuation."""
    written = list(ids)
    for _ in range(count):
        tensor = torch.tensor([written])
        with torch.inference_mode():
            written.append(int(model(tensor, torch.ones_like(tensor))[0, -1].argmax()))
    return written[len(ids) :]


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_0"])
def test_it_has_the_tokens_and_bits_of_our_own_reader(module, tmp_path, kind):  # noqa: F811
    write_llama(tmp_path / "model.gguf", module, kind, "small")
    ours, theirs = read_llama(tmp_path / "model.gguf").eval(), LlamaServer(tmp_path / "model.gguf")
    ids = theirs.tokens(TEXTS[1])
    assert ids == Tokenizer.from_str(ours.tokenizer_json).encode(TEXTS[1]).ids and ids[0] == 0
    # llama.cpp multiplies blocks by inputs that it rounds to 8 bits, which our reader does not.
    spent, size = bits(ours, ids), len(TEXTS[1].encode())
    assert theirs.bits(ids) / size == pytest.approx(spent / size, rel=0.001 if kind == "F16" else 0.01)
    if kind == "F16":
        assert theirs.greedy(ids, 12) == greedy(ours, ids, 12)


@pytest.fixture(scope="module")
def reviews(shared_cache, tmp_path_factory):
    """Texts to label with the mark of each one's true label."""
    train = load_task("sentiment", Bench(tmp_path_factory.mktemp("reviews")).settings)[1]["train"]
    return {text: "AB"[target] for text, target in zip(train.inputs[:COUNT], train.targets[:COUNT], strict=True)}


@pytest.fixture(scope="module")
def labeller(reviews):
    """A language model of one layer that has learned to answer each review, behind the end of the instruction, with its mark."""
    end = labelling(TASKS["sentiment"], "").system[-40:]
    words = trained_tokenizer(reviews, 800)
    tokenizer = Tokenizer.from_str(words)
    read = tokenizer.encode_batch([end + text for text in reviews])
    inputs, mask = torch.tensor([each.ids for each in read]), torch.tensor([each.attention_mask for each in read])
    marks = torch.tensor([tokenizer.token_to_id(mark) for mark in reviews.values()])
    size = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CausalLM(
            LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary_size(words), tie_word_embeddings=True, **size)), words
        )
    model.chat = ChatFormat(template=TEMPLATE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(30):
        chances = model.head(model.states(inputs, mask)[torch.arange(COUNT), mask.sum(1) - 1])
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(chances, marks).backward()
        optimizer.step()
    return model.eval()


def test_soft_labels_of_its_server_reach_a_student(labeller, reviews, tmp_path):
    write_llama(tmp_path / "model.gguf", labeller, "F16", "labeller")
    server = LlamaServer(tmp_path / "model.gguf")  # which ends where nothing holds it any more
    bench = RemoteBench(server, tmp_path / "home")
    run = bench.run(
        {
            "task": "sentiment",
            "teacher": f"api:local?model=labeller&examples={COUNT}&probabilities=true",
            "student": "pooled-64-trim",
            "stages": [{"teacher_labels": {"epochs": 1, "train_examples": COUNT, "control": False}}],
        }
    )
    assert run.state is RunState.SUCCEEDED, run.error
    summary = bench.summary(run, "teacher")
    assert (summary["unanswered"], summary["requests"]) == (0, COUNT) and summary["train_accuracy"] > 0.9
    # What the student learned from are the model's own probabilities of the two marks, as it has them here.
    end, tokenizer = labelling(TASKS["sentiment"], "").system[-40:], Tokenizer.from_str(labeller.tokenizer_json)
    marks = [tokenizer.token_to_id(mark) for mark in "AB"]
    kept = np.load(bench.folder(run, "teacher") / "outputs.npy")[0].astype(np.float32)
    for row, text in enumerate(list(reviews)[:5]):
        ids = torch.tensor([tokenizer.encode(end + text).ids])
        with torch.inference_mode():
            share = labeller(ids, torch.ones_like(ids))[0, -1, marks].softmax(-1).numpy()
        assert np.exp(kept[row]) == pytest.approx(share, abs=0.01) and share.min() > 0
    assert any(f"labels of {COUNT} training examples" in line for line in bench.said(run))
