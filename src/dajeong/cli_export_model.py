"""`dajeong export`: argv becomes a call, what was written becomes lines or JSON. Knows no form of weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dajeong.errors import UsageProblem
from dajeong.messages import text
from dajeong.output import print_json, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session
    from dajeong.export.handing_on import Handed
    from dajeong.export.model_card import Form

DTYPES = ("float32", "bfloat16", "float16", "q8_0")


def command() -> Callable[..., None]:
    def export(
        context: typer.Context,
        model: Annotated[str, typer.Argument(help=text("help-chat-model"))],
        out: Annotated[Path, typer.Argument(help=text("help-export-folder"))],
        adapter: Annotated[bool, typer.Option("--adapter", help=text("help-export-adapter"))] = False,
        merged: Annotated[bool, typer.Option("--merged", help=text("help-export-merged"))] = False,
        gguf: Annotated[bool, typer.Option("--gguf", help=text("help-export-gguf"))] = False,
        ollama: Annotated[bool, typer.Option("--ollama", help=text("help-export-ollama"))] = False,
        dtype: Annotated[
            str | None, typer.Option(help=text("help-export-dtype"), metavar="|".join(DTYPES))
        ] = None,
        shard_size: Annotated[str, typer.Option(help=text("help-export-shard"), metavar="SIZE")] = "5GB",
        base: Annotated[str | None, typer.Option(help=text("help-export-base"), metavar="HUB_ID")] = None,
        allow_licence: Annotated[
            list[str] | None, typer.Option(help=text("help-export-model-allow"), metavar="NAME")
        ] = None,
        force: Annotated[bool, typer.Option("--force", help=text("help-export-force"))] = False,
        push: Annotated[str | None, typer.Option(help=text("help-export-push"), metavar="REPOSITORY")] = None,
        private: Annotated[bool, typer.Option("--private", help=text("help-export-private"))] = False,
    ) -> None:
        from dajeong.export.handing_on import Wish, hand_on
        from dajeong.terminal import progress_on

        form = _form(adapter=adapter, merged=merged, gguf=gguf, ollama=ollama)
        _check_dtype(dtype, form)
        wish = Wish(
            form=form,
            dtype=dtype,
            shard_size=shard_size,
            base_name=base,
            allowed=tuple(allow_licence or ()),
            overwrite=force,
        )
        session: Session = context.obj
        with progress_on(quiet=session.quiet) as progress:
            handed = hand_on(model, out, wish, progress)
            address = _pushed(out, push, private) if push else None
        _print(handed, address, as_json=session.json)

    return export


def _form(**wanted: bool) -> Form:
    """The one form that was asked for. Raises UsageProblem for none and for several."""
    forms = [name for name, wished in wanted.items() if wished]
    if len(forms) != 1:
        raise UsageProblem("export-form", known=", ".join(f"--{name}" for name in wanted))
    return cast("Form", forms[0])


def _check_dtype(dtype: str | None, form: Form) -> None:
    known = DTYPES if form in ("gguf", "ollama") else DTYPES[:3]
    if dtype is not None and dtype not in known:
        raise UsageProblem("export-dtype", dtype=dtype, known=", ".join(known))


def _pushed(folder: Path, repository: str, private: bool) -> str:
    from dajeong.export.push import push

    return push(folder, repository, private=private)


def _print(handed: Handed, address: str | None, *, as_json: bool) -> None:
    gap = handed.gap
    if as_json:
        print_json(
            {
                "out": str(handed.folder),
                "form": handed.form,
                "files": handed.files,
                "gap": gap._asdict() if gap else None,
                "tokenizer_lines": handed.lines,
                "repository": address,
            }
        )
        return
    print_line(text("export-model-done", path=handed.folder, files=len(handed.files)))
    for name, size in handed.files.items():
        print_line(f"  {name}  {size:,}")
    if gap is not None:
        print_line(
            text("export-model-gap", gap=f"{gap.logits:.3g}", same=f"{gap.same:.0%}", tokens=gap.tokens)
        )
    if handed.lines is not None:
        print_line(text("export-model-lines", lines=handed.lines))
    if address is not None:
        print_line(text("export-model-pushed", address=address))
