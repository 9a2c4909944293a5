"""``reground completion``: the shell completes commands and options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from reground.flows.cli.app import build
from reground.flows.cli.examples import examples
from reground.flows.cli.result import Result

app = App(
    "completion",
    help_epilogue=examples(
        "reground completion bash --install    # once; new shells complete",
        "source <(reground completion bash)    # in this shell only",
        "reground completion fish --install",
    ),
)


@app.default
def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Shell to complete in.")],
    /,
    *,
    install: Annotated[
        bool, Parameter(help="Write the script to where the shell looks for it.", negative=(), show_default=False)
    ] = False,
) -> Result:
    """Print a shell's completion script, or install it."""
    whole = build()
    if install:
        path = whole.install_completion(shell=shell)
        return Result(f"wrote {path}: new shells complete", {"path": str(path)})
    script = whole.generate_completion(shell=shell)
    return Result(script, {"script": script})
