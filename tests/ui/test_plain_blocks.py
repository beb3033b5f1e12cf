"""The page's markup as sentences and tables."""

from kdui.ui.plain_blocks import plain_blocks

MARKUP = """<div class="win"><small>Best</small><h3>A &lt;small&gt; model</h3><p>97.6&#8239;%<span class="mark">●</span> · 3 kB
</p><div class="buttons"><a class="btn" href="?tab=runs">Open run</a></div></div>
<p>Found. <a href="?tab=explore">Show in Explore</a></p>
<table class="table"><caption class="sr-only">Models</caption>
<thead><tr><th><button class="sort">Model ↓</button></th><th>Size</th></tr>
</thead><tbody><tr><td><span class="swatch"></span><a class="name" href="?run=1">CNN</a>
<div class="sub">Student</div></td><td>3 kB
<span class="mark">●</span></td></tr></tbody></table><button>Pin</button><p>After <img src="x"> it</p>"""


def test_what_a_reader_can_read_stays_and_what_only_a_hand_can_use_goes():
    lines, (table,) = plain_blocks(MARKUP)
    assert lines == ("Best", "A <small> model", "97.6 % ● · 3 kB", "Found.", "After it")
    assert table.heads == ("Model ↓", "Size") and table.rows == (("CNN · Student", "3 kB ●"),)


def test_markup_that_is_cut_off_is_read_as_far_as_it_goes():
    assert plain_blocks("<p>One<p>Two <b>three")[0] == ("One", "Two three")
    assert plain_blocks("") == ((), ())
