"""A teacher behind a server that speaks the OpenAI-compatible protocol: facts. There is nothing to build."""

from pydantic import Field

from kdui.core.contracts import Family
from kdui.core.plain import Frozen


class RemoteOptions(Frozen):
    """Which of the server's models labels texts or continues them, and how it is asked. The address and the key are settings."""

    model: str = Field(default="", max_length=200, description="the server's name for the model, e.g. qwen2.5:0.5b")
    instruction: str = Field(
        default="", max_length=2000, description="what to decide about a text, in a sentence; empty: the task's own summary"
    )
    probabilities: bool = Field(
        default=False, description="true: soft labels from the log-probabilities of the first token, where the server gives them"
    )
    examples: int = Field(default=0, ge=0, description="label this many training examples, from the first on; 0: all")


FAMILY = Family(
    name="remote",
    title="Remote model",
    modality="text",
    options=RemoteOptions,
    quantization="dynamic",
    problems=("classification", "language-model"),
)
