"""The tasks on their real data, each through its own source."""

import gzip
import shutil

import numpy as np
import pytest
from sklearn.datasets import load_digits

from kdui.catalogue.fetch import fetch, receipt
from kdui.catalogue.tasks import TASKS, load_out_of_domain, load_task
from kdui.core.errors import SourceError, UnknownName
from kdui.tasks.examples import text_key
from kdui.tasks.fashion_mnist.load import read_idx

NAMES = ("books", "digits", "fashion-mnist", "reuters-and-sentiment", "reuters-r8", "sentiment")


def test_all_tasks_are_found_and_a_wrong_name_suggests_one():
    others = ("composed-scenes", "help-de", "help-es", "movielens-100k", "movielens-small", "nuclei", "spoken-digits", "squad")
    others += ("blood-cells", "composed-boxes", "dialled-digits", "digit-strings", "fashion-pictures", "reuters-r52")
    others += ("newsgroups",)
    assert tuple(sorted((*NAMES, *others))) == tuple(sorted(TASKS))
    with pytest.raises(UnknownName, match="Did you mean 'digits'"):
        TASKS["digit"]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_loads_what_its_facts_promise(name, settings):
    facts, splits = load_task(name, settings)
    assert {split: len(examples.inputs) for split, examples in splits.items()} == facts.splits
    for examples in splits.values():
        assert examples.targets.dtype == np.int64
        if facts.labels:
            assert sorted(set(examples.targets.tolist())) == list(range(facts.outputs))
    inputs = splits["test"].inputs
    if facts.modality == "image":
        assert inputs.shape[1:] == tuple(facts.input[key] for key in ("height", "width", "channels"))
        assert (inputs.dtype, inputs.min(), inputs.max()) == (np.uint8, 0, 255)
    else:
        assert all(isinstance(text, str) and text.strip() for text in inputs)
    for part in facts.parts or (name,):
        assert receipt(settings.cache / TASKS[part].resource.name, TASKS[part].resource) is not None


@pytest.mark.parametrize("name", [name for name in NAMES if TASKS[name].labels])
def test_the_most_frequent_label_reaches_what_the_facts_say(name, settings):
    facts, splits = load_task(name, settings)
    parts = [load_task(part, settings)[1] for part in facts.parts] or [splits]
    shares = [100 * np.bincount(part["test"].targets).max() / len(part["test"]) for part in parts]
    assert facts.majority == pytest.approx(np.mean(shares), abs=1e-4)


@pytest.mark.parametrize("name", ["reuters-r8", "sentiment", "reuters-and-sentiment"])
def test_no_text_stands_in_two_splits(name, settings):
    _, splits = load_task(name, settings)
    keys = {split: {text_key(text) for text in examples.inputs} for split, examples in splits.items()}
    assert not keys["train"] & keys["validation"]
    assert not (keys["train"] | keys["validation"]) & keys["test"]


def test_labels_stand_for_the_categories_of_the_files(settings):
    _, reuters = load_task("reuters-r8", settings)
    counts = dict(zip(TASKS["reuters-r8"].labels, np.bincount(reuters["test"].targets).tolist(), strict=True))
    assert counts == {
        "Acquisitions": 696,
        "Crude oil": 121,
        "Earnings": 1083,
        "Grain": 10,
        "Interest rates": 81,
        "Foreign exchange": 87,
        "Shipping": 36,
        "Trade": 75,
    }
    _, sentiment = load_task("sentiment", settings)
    everything = [pair for examples in sentiment.values() for pair in zip(examples.inputs, examples.targets, strict=True)]
    assert TASKS["sentiment"].labels[dict(everything)["A three-hour cinema master class."]] == "Positive"
    _, fashion = load_task("fashion-mnist", settings)
    assert np.bincount(fashion["validation"].targets).tolist() == [500] * 10


def test_digits_keep_their_grey_levels(settings):
    _, splits = load_task("digits", settings)
    levels = np.unique(splits["train"].inputs)
    assert len(levels) == 17
    assert levels[[0, 8, 16]].tolist() == [0, 128, 255]


def test_digits_are_those_of_scikit_learn(settings):
    published = load_digits()
    _, splits = load_task("digits", settings)
    ours = sorted(
        (int(label), picture.tobytes())
        for part in splits.values()
        for picture, label in zip(part.inputs, part.targets, strict=True)
    )
    theirs = np.rint(published.images * (255 / 16)).astype(np.uint8)
    assert ours == sorted((int(label), picture.tobytes()) for picture, label in zip(theirs, published.target, strict=True))


def test_out_of_domain_examples_are_clear_and_not_the_tasks_own(settings):
    facts, splits = load_task("sentiment", settings)
    own = {text for examples in splits.values() for text in examples.inputs}
    for other in facts.out_of_domain:
        result = load_out_of_domain(facts, other, settings)
        assert len(result) == other.examples == len(set(result.inputs))
        assert not own & set(result.inputs) and 0.3 < result.targets.mean() < 0.7
    products = load_out_of_domain(facts, facts.out_of_domain[0], settings)
    message = dict(zip(products.inputs, products.targets, strict=True))
    assert message["but, if you're looking for my opinion of the apex dvd player, i love it!"] == 1
    assert message["doesnt play new disney movies."] == 0
    assert "repost from january 13, 2004 with a better fit title." not in message


def test_a_malformed_out_of_domain_file_is_reported(empty_settings):
    facts, data = TASKS["sentiment"], empty_settings.home.parent / "data"
    data.mkdir()
    other = facts.out_of_domain[1]
    (data / other.resource.files[0]).write_bytes(b"not a tar archive")
    with pytest.raises(SourceError, match=r"Tweets in .* cannot be read .*Delete that folder and start again"):
        load_out_of_domain(facts, other, empty_settings.model_copy(update={"data_dir": data}))


def test_a_malformed_file_is_reported(settings, empty_settings):
    facts = TASKS["sentiment"]
    data = empty_settings.home.parent / "data"
    data.mkdir()
    (data / facts.resource.files[0]).write_bytes(b"not bzip2 at all")
    here = empty_settings.model_copy(update={"data_dir": data})
    with pytest.raises(SourceError, match=r"Film reviews in .* cannot be read .*Delete that folder and start again"):
        load_task("sentiment", here)


def test_other_data_than_the_known_is_refused(settings, empty_settings):
    source = fetch(TASKS["reuters-r8"].resource, settings)
    data = empty_settings.home.parent / "data"
    shutil.copytree(source, data / "reuters-r8")
    test = data / "reuters-r8" / "reuters-r8-test.tab"
    test.write_text("\n".join(test.read_text().split("\n")[:103]))
    here = empty_settings.model_copy(update={"data_dir": data})
    with pytest.raises(SourceError, match=r"99 test examples instead of .*2,189 test examples"):
        load_task("reuters-r8", here)


def test_who_has_no_source_is_reported_which_files_to_bring(empty_settings, monkeypatch):
    monkeypatch.setattr("kdui.catalogue.source_debian.Path.is_file", lambda path: False)
    with pytest.raises(SourceError) as caught:
        load_task("fashion-mnist", empty_settings.model_copy(update={"offline": True}))
    assert "put a folder fashion-mnist with train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-" in str(caught.value)


def test_idx_files_are_read_and_checked(tmp_path):
    path = tmp_path / "some-ubyte.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x02" + b"\0\0\0\x02" + b"\0\0\0\x03" + bytes(range(6))))
    assert read_idx(path).tolist() == [[0, 1, 2], [3, 4, 5]]
    path.write_bytes(gzip.compress(b"\0\0\x0d\x01" + b"\0\0\0\x01" + b"abcd"))
    with pytest.raises(ValueError, match="not an idx file of bytes"):
        read_idx(path)


def test_a_task_of_parts_holds_theirs_with_labels_one_after_the_other(settings):
    facts, both = load_task("reuters-and-sentiment", settings)
    assert facts.labels == TASKS["reuters-r8"].labels + TASKS["sentiment"].labels
    for first, part in ((0, "reuters-r8"), (8, "sentiment")):
        _, own = load_task(part, settings)
        for split in ("train", "validation", "test"):
            known = set(zip(own[split].inputs, (own[split].targets + first).tolist(), strict=True))
            result = set(zip(both[split].inputs, both[split].targets.tolist(), strict=True))
            mine = {pair for pair in result if (pair[1] >= 8) == (first == 8)}
            assert mine <= known
            assert (part == "sentiment" and split == "train") or mine == known
    counts = np.bincount(both["train"].targets, minlength=10)
    assert counts[:8].sum() == counts[8:].sum() == 4874
    of_all = np.bincount(load_task("sentiment", settings)[1]["train"].targets)
    assert counts[9] / counts[8] == pytest.approx(of_all[1] / of_all[0], abs=0.01)
    assert 0.4 < (both["train"].targets[:200] >= 8).mean() < 0.6  # any beginning is mixed
