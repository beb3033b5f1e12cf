"""Chat templates: rendered as transformers renders them, in a sandbox, and kept from a checkpoint to a student's packages."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from kdui.catalogue.tasks import TASKS
from kdui.core.chat import ChatFormat
from kdui.core.errors import KduiError, SourceError
from kdui.core.layout import CHAT, TOKENIZER
from kdui.methods.deliver.package.folders import read_hf, write_hf
from kdui.modalities.text.chat import chat_of, conversation, ids_of
from kdui.models.building import build_model, describe
from kdui.models.byte_pairs import trained_tokenizer
from kdui.models.causal_lm.from_gguf import read_llama
from kdui.models.causal_lm.to_gguf import write_llama
from kdui.models.huggingface.chat import chat_format
from kdui.models.module_store import load_model, save_model, with_chat
from tests.models.small import facts_of

BOOKS = TASKS["books"]
CHATML = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
OTHERS = (
    "{{ bos_token }}\n{%- for m in messages %}\n  {%- if m.role == 'system' %}{% continue %}{% endif %}\n"
    "    {{ m.content | tojson }} {{ m | tojson(indent=1) }}\n"
    "{% generation %}{{ m.content|trim }}{% endgeneration %}\n{% endfor %}"
    "{% set found = namespace(n=0) %}{% for m in messages %}{% set found.n = found.n + 1 %}{% endfor %}{{ found.n }}"
)
SAID = [
    {"role": "system", "content": "Short."},
    {"role": "user", "content": " What is <b>2 & 3</b>?\n"},
    {"role": "assistant", "content": "Fünf"},
]
SPECIAL = ["<|im_start|>", "<|im_end|>"]


@pytest.fixture(scope="module")
def words():
    tokenizer = Tokenizer.from_str(trained_tokenizer(["What is two and three? It is five."], 270))
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory, words):
    """A chat model as transformers saves it."""
    folder = tmp_path_factory.mktemp("checkpoint")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        size = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        network = LlamaForCausalLM(LlamaConfig(vocab_size=words.get_vocab_size(), tie_word_embeddings=True, **size))
    network.generation_config.eos_token_id = [words.token_to_id("<|im_end|>"), 0]
    network.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<|begin|>", eos_token="<|im_end|>")
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("template", [CHATML, OTHERS])
@pytest.mark.parametrize("answering", [True, False])
def test_a_conversation_is_written_as_transformers_writes_it(words, template, answering):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<|begin|>", eos_token="<|im_end|>")
    chat = ChatFormat(template=template, tokens={"bos_token": "<|begin|>", "eos_token": "<|im_end|>"})
    expected = tokenizer.apply_chat_template(SAID, chat_template=template, tokenize=False, add_generation_prompt=answering)
    assert conversation(chat, SAID, answering) == expected


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ messages.__class__.__mro__[1].__subclasses__() }}", "is unsafe|undefined"),
        ("{% for i in range(100001) %}x{% endfor %}", "Range too big"),
        ("{% for i in range(2000) %}{{ 'x' * 1000 }}{% endfor %}", "writes more than 1,000,000 characters"),
        ("{{ 'x' * 2000000 }}", "more than 1,000,000"),
        ("{{ 9 ** 9 ** 9 }}", "powers"),
        ("{% set _ = messages.append(1) %}", "is unsafe|access"),
        ("{{ raise_exception('only one turn') }}", "only one turn"),
        ("{% if %}", "Expected an expression"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% include '/etc/passwd' %}", "no loader"),
    ],
)
def test_a_template_that_does_harm_or_fails_is_told_in_words(template, words):
    with pytest.raises(KduiError, match=rf"chat template failed: .*({words}).* Switch the chat template off"):
        conversation(ChatFormat(template=template), SAID)


def test_it_is_read_kept_in_students_and_written_into_packages(folder, tmp_path, settings):
    teacher = build_model(facts_of(f"folder:{folder}", BOOKS, settings), BOOKS, folder, None, 0)
    chat = teacher.chat
    assert chat.template == CHATML and chat.ends == ("<|im_end|>", "<|begin|>") and chat.tokens["eos_token"] == "<|im_end|>"
    for reference in ("lm-mini", "lm-small?layers=1&width=32&heads=2&kv_heads=2&head_width=16&units=32&vocabulary=0"):
        facts = facts_of(reference, BOOKS, settings)
        student = build_model(
            facts.model_copy(update={"from_teacher": facts.from_teacher or "causal-lm"}), BOOKS, None, teacher, 0
        )
        assert student.chat == chat
    kept = tmp_path / "kept"
    kept.mkdir()
    save_model(student, with_chat(describe(facts, BOOKS, None), student), kept)
    module, _, inputs = load_model(kept)
    assert inputs.files == (TOKENIZER, CHAT) and module.chat == chat == chat_of(kept)
    write_hf(hf := tmp_path / "hf", module, kept / TOKENIZER)
    network, tokenizer = read_hf(hf)
    text = tokenizer.apply_chat_template(SAID, tokenize=False, add_generation_prompt=True)
    assert text == conversation(chat, SAID) and tokenizer.eos_token == "<|im_end|>"
    ends = ids_of(chat, tokenizer.backend_tokenizer)
    assert network.network.generation_config.eos_token_id == ends and len(ends) == 2
    again = chat_format(hf, (kept / TOKENIZER).read_text())
    assert again.template == chat.template and again.ends == chat.ends
    write_llama(tmp_path / "model.gguf", module, "F16", "chat")
    read = read_llama(tmp_path / "model.gguf").chat
    assert read.template == CHATML and read.ends == ("<|im_end|>",)


def test_a_model_without_one_names_no_such_file(folder, tmp_path, settings):
    plain = copied_without_template(folder, tmp_path / "plain")
    facts = facts_of(f"folder:{plain}", BOOKS, settings)
    module = build_model(facts, BOOKS, plain, None, 0)
    assert module.chat is None and with_chat(describe(facts, BOOKS, plain), module).inputs.files == (TOKENIZER,)
    (plain / "tokenizer_config.json").write_text(json.dumps({"chat_template": [{"name": "default", "template": "{{ 1 }}"}]}))
    assert chat_format(plain, module.tokenizer_json) == ChatFormat(template="{{ 1 }}", ends=("<|im_end|>", "<|begin|>"))
    (plain / "chat_template.jinja").write_text("x" * 70_000)
    with pytest.raises(SourceError, match=r"The chat template in .* cannot be used .*at most 65536"):
        chat_format(plain, module.tokenizer_json)


def copied_without_template(folder: Path, target: Path) -> Path:
    target.mkdir()
    for path in folder.iterdir():
        if path.name not in ("chat_template.jinja", "tokenizer_config.json"):
            (target / path.name).write_bytes(path.read_bytes())
    return target
