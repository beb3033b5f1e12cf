"""Facts of the tasks of translating LibreOffice's help, which differ in the language alone; and those of German."""

from kdui.core.answer_facts import WrittenText
from kdui.core.contracts import Split, TaskFacts
from kdui.core.metric import CHRF
from kdui.core.source import LocalFile, Resource


def help_task(code: str, language: str, splits: dict[Split, int], sha256: str) -> TaskFacts:
    """English into another language; ``sha256`` of the table of pairs, which a person brings."""
    pairs = f"lohelp_en_{code}.tsv.gz"
    return TaskFacts(
        name=f"help-{code}",
        title=f"LibreOffice help, English to {language}",
        summary="Translate sentences of LibreOffice's help of at most 160 letters. Split by page of the help; no sentence of a "
        "split is the same as one of another, or nearly so, on either side.",
        modality="text",
        problem="seq2seq",
        headline=CHRF,
        answer=WrittenText(given="English", written=language),
        splits=splits,
        input={"max_length": 256},
        resource=Resource(
            name=f"libreoffice-help-{code}",
            title=f"LibreOffice help, English and {language}",
            licence="MPL-2.0",
            homepage="https://help.libreoffice.org",
            files=(pairs,),
            sources=(LocalFile(path=pairs, sha256=sha256),),
        ),
        examples=(
            "Choose the font size for the selected text.",
            "Click the button to open the dialog.",
            "Deletes the selected rows from the table.",
            "Returns the number of cells that contain text.",
        ),
    )


TASK = help_task(
    "de",
    "German",
    {"train": 16395, "validation": 654, "test": 1181},
    "aeaa54bde1a9011ef230156887adc25746683009ef2c12dc9ad5ba4b483b7e3a",
)
