"""`dajeong serve`: argv becomes a server that runs until it is told to stop. Knows no route."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dajeong.errors import EnvironmentProblem, UsageProblem
from dajeong.messages import text
from dajeong.output import flush, print_line

if TYPE_CHECKING:
    from dajeong.cli import Session

KEY = "DAJEONG_SERVE_KEY"
"""Where the key is taken from: an argument would be seen by every process of the machine."""

ENGINES = ("native", "vllm")


def command() -> Callable[..., None]:
    def serve(
        context: typer.Context,
        model: Annotated[str, typer.Argument(help=text("help-chat-model"), metavar="RUN|MODEL")],
        host: Annotated[str, typer.Option(help=text("help-serve-host"))] = "127.0.0.1",
        port: Annotated[int, typer.Option(help=text("help-serve-port"), min=0, max=65535)] = 8000,
        allow_host: Annotated[
            list[str] | None, typer.Option(help=text("help-serve-allow-host"), metavar="NAME")
        ] = None,
        max_rows: Annotated[int, typer.Option(help=text("help-serve-rows"), min=1, max=1024)] = 64,
        max_waiting: Annotated[int, typer.Option(help=text("help-serve-waiting"), min=0)] = 256,
        votes: Annotated[Path | None, typer.Option(help=text("help-serve-votes"), metavar="FILE")] = None,
        engine: Annotated[
            str, typer.Option(help=text("help-serve-engine"), metavar="native|vllm")
        ] = "native",
        log_content: Annotated[bool, typer.Option("--log-content", help=text("help-serve-log"))] = False,
    ) -> None:
        for package in ("fastapi", "uvicorn"):
            if importlib.util.find_spec(package) is None:
                raise EnvironmentProblem("extra-missing", needed_for=package, extra="serve")
        from dajeong.serving.listening import listen, url_of
        from dajeong.serving.settings import ServeSettings

        if engine not in ENGINES:
            raise UsageProblem("serve-engine", engine=engine, known=", ".join(ENGINES))
        session: Session = context.obj
        key = os.environ.get(KEY) or None
        listening = listen(host, port, key)
        url = url_of(listening)
        settings = ServeSettings(
            host=host,
            port=port,
            allow_hosts=tuple(allow_host or ()),
            max_rows=max_rows,
            max_waiting=max_waiting,
            votes=votes,
            log_content=log_content,
        )

        def say(code: str, **parameters: object) -> None:
            if not session.quiet:
                typer.echo(text(code, **parameters), err=True)

        def told() -> None:
            say("serve-listening", url=url)
            if session.json:
                print_line(json.dumps({"url": url}))
                flush()

        from dajeong.serving.server import serve as run
        from dajeong.serving.shelf import load_shelf, load_vllm_shelf

        run(
            settings,
            listening,
            lambda: load_shelf(model) if engine == "native" else load_vllm_shelf(model, max_rows),
            key,
            on_listening=told,
            on_ready=lambda shelf: say("serve-ready", models=", ".join(shelf.offered)),
            log=lambda line: None if session.quiet else typer.echo(line, err=True),
        )
        say("serve-ended")

    return serve
