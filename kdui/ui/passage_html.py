"""The part of Compare that takes a question and the passage that it is about."""


def passage_html() -> str:
    """The frame that assets/modules/passage_input.js fills."""
    return """
    <div data-modality="passage" hidden>
      <label class="field" for="compare-question"><span class="caps">Your question</span></label>
      <div class="say"><textarea id="compare-question" rows="1" placeholder="Who …? When …? Where …?"></textarea>
      <button type="button" class="act primary" id="compare-find">Predict</button></div>
      <label class="field" for="compare-passage"><span class="caps">The passage that holds its answer</span></label>
      <div class="say"><textarea id="compare-passage" class="passage" rows="6"
        placeholder="Paste a paragraph, or pick a test example below"></textarea></div>
    </div>"""
