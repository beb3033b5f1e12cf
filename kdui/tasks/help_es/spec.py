"""Facts of the task of translating LibreOffice's help into Spanish."""

from kdui.tasks.help_de.spec import help_task

TASK = help_task(
    "es",
    "Spanish",
    {"train": 14319, "validation": 520, "test": 1163},
    "ff8e86cce040aefa65328ece326d7e9a472a57ee6d8106f4fcd12155767527ff",
)
