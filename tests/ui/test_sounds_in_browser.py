"""Sounds in Compare: a test example and an uploaded file reach both models, and what is no sound is refused in words."""

import pytest
from playwright.sync_api import expect

from kdui.core.errors import KduiError
from kdui.modalities.audio.sound_files import wav_of
from kdui.settings import Settings
from kdui.ui.compare import CompareCalls
from kdui.ui.pins.pinner import look
from kdui.workbench.predicting import payload
from tests.ui.served import served
from tests.ui.sounds import MODEL, OTHER, WithSounds, click


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    bench = WithSounds(Settings(home=tmp_path_factory.mktemp("home"), quickstart=False))
    yield bench
    bench.close()


def test_the_command_line_takes_a_wav_file_and_a_test_example(bench, tmp_path):
    path = tmp_path / "three.wav"
    path.write_bytes(wav_of(click(3)))
    for example, expected in [(str(path), "3"), ("test:0", "2")]:
        answers = bench.ask("spoken-digits", [MODEL, OTHER], payload(bench, "spoken-digits", example))
        assert [answer.parts[0].rows[0].label for answer in answers] == [expected, str(9 - int(expected))]
    (tmp_path / "no.wav").write_bytes(b"RIFF")
    with pytest.raises(KduiError, match="not a WAV file"):
        payload(bench, "spoken-digits", str(tmp_path / "no.wav"))


def test_an_example_and_an_upload_are_answered_side_by_side(browser, bench):
    with served(bench) as address:
        page = browser.new_page()
        page.goto(f"{address}?tab=compare&task=spoken-digits")
        cards, message = page.locator("#compare-cards .card"), page.locator("#compare-agreement")
        page.locator(".example.thumb").first.click()
        expect(message).to_contain_text("The truth is 2", timeout=60_000)
        expect(cards).to_have_count(2)
        for card, title in zip(cards.all(), ("Forwards", "Backwards"), strict=True):
            expect(card).to_contain_text(title)
            expect(card).to_contain_text("just now")
        expect(page.locator("#compare-wave")).to_have_attribute("aria-label", "Waveform of the input, 1.0 seconds")
        expect(page.locator("#compare-listen")).to_be_visible()
        file = page.locator("#compare-sound")
        file.set_input_files({"name": "six.wav", "mimeType": "audio/wav", "buffer": wav_of(click(6))})
        expect(message).to_contain_text("Backwards: 3")
        expect(message).not_to_contain_text("The truth is")
        file.set_input_files({"name": "six.flac", "mimeType": "audio/flac", "buffer": b"fLaC and nothing else"})
        expect(message).to_contain_text("cannot decode this file as sound")
        page.close()


def test_an_answer_to_a_sound_is_pinned_with_its_spectrogram(bench):
    sound = f"data:audio/wav;base64,{bench.examples('spoken-digits')[1].sound}"
    view = {"task": "spoken-digits", "models": [MODEL, OTHER], "sound": sound, "truth": "4"}
    seen = look(bench, "answers", view)
    assert seen.content.picture.startswith("data:image/png") and seen.content.tables[0].rows[0][1].startswith("4 ")
    with pytest.raises(KduiError, match="did not arrive whole"):
        CompareCalls(bench).compare_ask({**view, "sound": "data:audio/wav;base64,%%%"})
