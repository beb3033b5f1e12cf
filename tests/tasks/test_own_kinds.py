"""A person's own sounds, transcripts, boxes, masks, ratings, questions and pairs: looked over, split, kept, read back."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from kdui.catalogue.own_data import own_name, preview_of
from kdui.catalogue.tasks import load_task, own_task
from kdui.core.errors import RecipeError
from kdui.core.own_names import KINDS
from kdui.problems.spans.targets import HIDDEN
from kdui.settings import Settings
from kdui.tasks.utterances import NONE
from kdui.workbench.workbench import Workbench
from tests.tasks.own_files import scenes, wav


@pytest.fixture
def home(tmp_path):
    return Settings(home=tmp_path / "home", launcher="inline", quickstart=False)


def told(preview):
    return " ".join(note.text for note in preview.notes)


def taken(name, home):
    """The task of the data, and its facts and splits as they are read back."""
    task = own_task(name, home)
    facts, splits = load_task(task, home)
    assert facts.splits == {split: len(examples) for split, examples in splits.items()}
    assert own_task(name, home) == task and preview_of(task, home).splits == facts.splits
    return task, facts, splits


def planned(task, home):
    bench = Workbench(home)
    try:
        recipe = bench.default_recipe(task)
        assert str(recipe.teacher) != str(recipe.student)  # a smaller one is offered first
        return [step.operation for step in bench.plan(recipe).steps]
    finally:
        bench.close()


def sound_folder(folder, each=16):
    for label, pitch in (("low", 300), ("high", 1500)):
        (folder / label).mkdir(parents=True)
        for place in range(each):
            (folder / label / f"{place}.wav").write_bytes(wav(0.3, pitch + place, place))
    return folder


def test_sounds_by_class(tmp_path, home):
    folder = sound_folder(tmp_path / "tones")
    (folder / "low" / "broken.wav").write_bytes(b"no sound")
    (folder / "low" / "copy.wav").write_bytes((folder / "low" / "0.wav").read_bytes())
    (folder / "low" / "long.wav").write_bytes(wav(1.5, 700))
    assert own_name(str(folder), tmp_path, home) == f"own-sounds:{folder}"
    preview = preview_of(f"own-sounds:{folder}", home)
    assert "Left out: 1 sounds that cannot be read; the first is low/broken.wav" in told(preview)
    assert "1 sounds that are copies of another one" in told(preview) and "1 sounds last longer than a second" in told(preview)
    task, facts, splits = taken(f"own-sounds:{folder}", home)
    assert facts.labels == ("high", "low") and sum(facts.splits.values()) == 33
    assert splits["train"].inputs.shape[1:] == (8000,) and splits["train"].inputs.dtype == np.int16
    assert "export" in planned(task, home)
    with zipfile.ZipFile(tmp_path / "tones.zip", "w") as archive:
        for file in folder.rglob("*.wav"):
            archive.write(file, f"tones/{file.relative_to(folder)}")
    assert own_task(f"own-sounds:{tmp_path}/tones.zip", home) == task
    with pytest.raises(RecipeError, match="holds no WAV file in a folder of its class"):
        preview_of(f"own-sounds:{folder / 'low'}", home)


def test_transcripts_keep_speakers_apart(tmp_path, home):
    folder = tmp_path / "said"
    (folder / "wav").mkdir(parents=True)
    rows = []
    for place in range(48):
        (folder / "wav" / f"{place}.wav").write_bytes(wav(0.5, 300 + 10 * place, place))
        rows.append({"file": f"wav/{place}.wav", "text": ("Yes, no!", "no.", "maybe")[place % 3], "speaker": f"s{place // 4}"})
    more = [{"file": "wav/0.wav", "text": "!"}, {"file": "gone.wav", "text": "no"}, {"file": "wav/1.wav", "text": "no " * 30}]
    table = folder / "list.jsonl"
    table.write_text("\n".join(json.dumps(row) for row in [*rows, *more]))
    assert own_name(str(folder), tmp_path, home) == f"own-transcripts:{folder}"
    preview = preview_of(f"own-transcripts:{folder}", home)
    for words in ("1 texts without a letter", "1 rows whose file is not there", "1 recordings that are too short for their text"):
        assert words in told(preview), told(preview)
    task, facts, splits = taken(f"own-transcripts:{folder}", home)
    assert facts.answer.names == ("maybe", "no", "yes") and facts.answer.truth(splits["train"].targets[0])
    speakers = {}
    for split, examples in splits.items():
        assert examples.inputs.shape[1] == 4000 and (examples.targets >= NONE).all()
        speakers[split] = len(examples)
    assert all(count % 4 == 0 for count in speakers.values()) and speakers["train"] > speakers["test"] > 0
    assert "export" in planned(task, home)
    letters = taken(f"own-transcripts:{table}?symbols=letters", home)[1]
    assert letters.answer.names == (" ", *sorted(set("yesnomaybe"))) and letters.answer.between == ""
    with pytest.raises(RecipeError, match="symbols: words or letters"):
        preview_of(f"own-transcripts:{table}?symbols=signs", home)


def coco_folder(folder, count=40):
    folder.mkdir(parents=True)
    images, annotations = [], []
    for place, (picture, _, (left, top, right, bottom)) in enumerate(scenes(count)):
        picture.save(folder / f"{place}.png")
        images.append({"id": place, "file_name": f"{place}.png"})
        annotations.append({"image_id": place, "category_id": 7, "bbox": [left, top, right - left, bottom - top]})
    annotations += [{"image_id": 0, "category_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1}]
    annotations += [{"image_id": 0, "category_id": 7, "bbox": [60, 0, 9, 9]}]  # beside the image
    images.append({"id": 99, "file_name": "gone.png"})
    whole = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "square"}]}
    (folder / "boxes.json").write_text(json.dumps(whole))
    return folder


def test_boxes_of_coco_lie_where_the_objects_are(tmp_path, home):
    folder = coco_folder(tmp_path / "squares")
    assert own_name(str(folder), tmp_path, home) == f"own-boxes:{folder}"
    preview = preview_of(f"own-boxes:{folder}?size=96&colour=no", home)
    for words in ("1 boxes around crowds", "1 images that are annotated but not there", "1 boxes that have no area"):
        assert words in told(preview), told(preview)
    task, facts, splits = taken(f"own-boxes:{folder}?size=96&colour=no", home)
    assert facts.answer.names == ("background", "square") and facts.input["height"] == 96
    for picture, boxes in zip(splits["test"].inputs, splits["test"].targets, strict=True):
        number, left, top, right, bottom = boxes[0]
        assert number == 1 and picture[top + 2 : bottom - 2, left + 2 : right - 2].min() > 200
    assert "export" in planned(task, home)


def test_boxes_of_voc_with_lists_of_splits(tmp_path, home):
    folder = tmp_path / "voc"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for place, (picture, _, box) in enumerate(scenes(40)):
        picture.save(folder / "JPEGImages" / f"{place}.jpg")
        sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        text = f"<annotation><filename>x</filename><object><name>a b</name><bndbox>{sides}</bndbox></object></annotation>"
        (folder / "Annotations" / f"{place}.xml").write_text(text)
    for split, part in (("train", range(28)), ("val", range(28, 32)), ("test", range(32, 40))):
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(map(str, part)))
    _, facts, _ = taken(f"own-boxes:{folder}", home)
    assert facts.splits == {"train": 28, "validation": 4, "test": 8} and facts.answer.names == ("background", "a b")
    (folder / "Annotations" / "0.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]><annotation>&a;</annotation>')
    with pytest.raises(RecipeError, match="is no plain annotation"):
        preview_of(f"own-boxes:{folder}", home)
    with pytest.raises(RecipeError, match="neither a JSON file in COCO's form"):
        preview_of(f"own-boxes:{folder / 'JPEGImages'}", home)


def test_masks_fit_their_images(tmp_path, home):
    folder = tmp_path / "nuclei"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for place, (picture, mask, _) in enumerate(scenes(36)):
        picture.save(folder / "images" / f"{place}.png")
        Image.fromarray(np.asarray(mask) * 255).save(folder / "masks" / f"{place}.png")
    Image.new("L", (48, 32)).save(folder / "images" / "alone.png")
    scenes(1, 5)[0][0].save(folder / "images" / "odd.png")
    Image.new("L", (8, 8)).save(folder / "masks" / "odd.png")
    assert own_name(str(folder), tmp_path, home) == f"own-masks:{folder}"
    preview = preview_of(f"own-masks:{folder}", home)
    assert "1 files, images without a mask" in told(preview) and "odd.png: it has 48 × 32 pixels, its mask 8 × 8" in told(preview)
    task, facts, splits = taken(f"own-masks:{folder}?size=96&names=square", home)
    assert facts.answer.names == ("background", "square") and sum(facts.splits.values()) == 36
    for picture, mask in zip(splits["test"].inputs, splits["test"].targets, strict=True):
        assert np.median(picture[mask == 1]) > 200 > np.median(picture[mask == 0]) and set(np.unique(mask)) == {0, 1}
    assert "export" in planned(task, home)
    with pytest.raises(RecipeError, match="names: one for each of the 1 classes beside the background"):
        preview_of(f"own-masks:{folder}?names=a,b", home)
    for place in range(36):  # masks that number objects: another number in each
        mask = np.asarray(Image.open(folder / "masks" / f"{place}.png")) // 255 * (place + 1)
        Image.fromarray(mask.astype(np.uint8)).save(folder / "masks" / f"{place}.png")
    assert "write instances=yes" in preview_of(f"own-masks:{folder}", home).refusal
    assert preview_of(f"own-masks:{folder}?instances=yes", home).splits == facts.splits


def rating_rows(people=40, items=30, each=20):
    random = np.random.RandomState(1)
    return [
        (f"p{person}", f"book {item}", random.randint(1, 6), 1000 * step + person)
        for person in range(people)
        for step, item in enumerate(random.permutation(items)[:each])
    ]


def test_ratings_are_split_by_time(tmp_path, home):
    table = tmp_path / "ratings.csv"
    table.write_text("user,item,rating,timestamp\n" + "".join(",".join(map(str, row)) + "\n" for row in rating_rows()))
    task, facts, splits = taken(f"own-ratings:{table}", home)
    assert facts.answer.count == 30 == len(splits["train"].names) and facts.input == {"items": 30, "longest": 50}
    assert splits["test"].inputs[0][0].startswith("book ") and isinstance(splits["test"].inputs[0], tuple)
    assert "export" in planned(task, home)
    few = preview_of(f"own-ratings:{table}?least=4", home)
    assert "with a rating below 4 or none" in told(few)
    assert "drawn by lot" in told(preview_of(f"own-ratings:{table}?time=", home))
    with pytest.raises(RecipeError, match="least: a number"):
        preview_of(f"own-ratings:{table}?least=many", home)


def test_questions_in_squads_form_and_in_a_table(tmp_path, home):
    passages = [f"In year {place} the town number {place} had many people who lived near river R{place} ." for place in range(40)]
    asked = [
        {
            "question": f"Which river is near town {place}?",
            "answers": [{"text": f"R{place}", "answer_start": text.index(f"R{place}")}],
        }
        for place, text in enumerate(passages)
    ]
    paragraphs = [{"context": text, "qas": [each]} for text, each in zip(passages, asked, strict=True)]
    paragraphs[0]["qas"].append({"question": "None?", "answers": [], "is_impossible": True})
    paragraphs[1]["qas"].append({"question": "Where?", "answers": [{"text": "nowhere", "answer_start": 0}]})
    squad = tmp_path / "own.json"
    squad.write_text(json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}))
    words = told(preview_of(f"own-spans:{squad}", home))
    assert "1 questions without an answer" in words and "1 questions whose answer does not stand in their passage" in words
    task, facts, splits = taken(f"own-spans:{squad}", home)
    assert sum(facts.splits.values()) == 40 and isinstance(splits["test"].inputs[0], tuple)
    question, passage = splits["train"].inputs[0]
    first, last = splits["train"].targets[0, :2]
    assert passage.split()[first : last + 1] == [f"R{question.split()[-1][:-1]}"]
    assert "export" in planned(task, home)
    table = tmp_path / "own.jsonl"
    rows = [{"passage": text, "question": each["question"], "answer": "the"} for text, each in zip(passages, asked, strict=True)]
    table.write_text("\n".join(json.dumps(row) for row in rows))
    _, _, others = taken(f"own-spans:{table}", home)
    assert (others["train"].targets[:, :2] == (3, 3)).all() and HIDDEN not in others["train"].targets[:, :2]
    squad.write_text(json.dumps({"data": [{"paragraphs": [{"qas": []}]}]}))
    with pytest.raises(RecipeError, match="is not in SQuAD's form"):
        preview_of(f"own-spans:{squad}", home)


def test_pairs_that_are_alike_stay_in_one_split(tmp_path, home):
    words = ("red", "blue", "old", "new", "small", "warm", "dry", "tall")
    pairs = [(f"the {first} {second} house", f"das {second} {first} haus") for first in words for second in words]
    table = tmp_path / "pairs.tsv"
    rows = [*pairs, (pairs[0][0], "ganz anders"), pairs[1], ("x" * 300, "y"), ("", "z")]
    table.write_text("english\tgerman\n" + "".join(f"{source}\t{target}\n" for source, target in rows))
    preview = preview_of(f"own-pairs:{table}", home)
    for said in ("1 without a source", "1 pairs with more than 240 bytes on a side", "1 pairs that are copies of another one"):
        assert said in told(preview), told(preview)
    task, facts, splits = taken(f"own-pairs:{table}", home)
    assert (facts.answer.given, facts.answer.written) == ("english", "german") and sum(facts.splits.values()) == 65
    assert facts.answer.truth(splits["train"].targets[0]) in {target for _, target in rows}
    where = [split for split, examples in splits.items() for source in examples.inputs if source == pairs[0][0]]
    assert len(where) == 2 and len(set(where)) == 1
    assert "export" in planned(task, home)


def test_what_a_kind_does_not_know_is_refused_in_words(tmp_path, home):
    (tmp_path / "empty").mkdir()
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    for kind in KINDS[3:]:
        with pytest.raises(RecipeError, match="is no option of own"):
            preview_of(f"{kind}:{tmp_path}/empty?nonsense=1", home)
        with pytest.raises(RecipeError):
            preview_of(f"{kind}:{tmp_path}/gone", home)
        with pytest.raises(RecipeError):
            preview_of(f"{kind}:{tmp_path}/empty", home)
    for kind in ("own-ratings", "own-spans", "own-pairs"):
        assert "It cannot be told which column holds" in preview_of(f"{kind}:{tmp_path}/t.csv", home).refusal
    with pytest.raises(RecipeError, match="Write what it is: own-corpus:PATH"):
        own_name(str(tmp_path / "empty"), tmp_path, home)
