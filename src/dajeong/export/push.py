"""An exported folder to a repository of the Hugging Face Hub, after everything in it was looked through.

Sends nothing while anything was found. The key is the Hub's own: HF_TOKEN, or a login of its client.
"""

from __future__ import annotations

import os
from pathlib import Path

from dajeong.errors import DataProblem, RemoteProblem
from dajeong.export.scan import Found, scan
from dajeong.remote.secrets import without_keys

SHOWN = 8
"""Findings in one message."""


def check_clean(folder: Path) -> None:
    """Raises DataProblem with what must not leave."""
    found = scan(folder)
    if found:
        more = f" (+{len(found) - SHOWN})" if len(found) > SHOWN else ""
        listed = "; ".join(map(_listed, found[:SHOWN])) + more
        raise DataProblem("push-found", path=folder, count=len(found), found=listed)


def _listed(found: Found) -> str:
    return f"{found.file}:{found.line} {found.kind} {found.shown}"


def push(folder: Path, repository: str, *, private: bool) -> str:
    """Upload the folder; returns the address of the repository.

    Raises DataProblem where something must not leave, RemoteProblem where the Hub refuses or is out of reach.
    """
    from huggingface_hub import HfApi, constants, get_token

    check_clean(folder)
    token = get_token()
    if constants.HF_HUB_OFFLINE:
        raise RemoteProblem("push-offline")
    if not token:
        raise RemoteProblem("key-missing", variable="HF_TOKEN")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository, folder_path=folder, commit_message="dajeong export", ignore_patterns=None
        )
    except Exception as problem:
        if not _of_the_hub(problem):
            raise
        told = without_keys(str(problem), token)
        raise RemoteProblem("push-failed", repository=repository, problem=told) from problem
    return str(address)


def _of_the_hub(problem: Exception) -> bool:
    """Raised by the Hub's client or by the HTTP client below it, whichever of two that is."""
    makers = {kind.__module__.partition(".")[0] for kind in type(problem).__mro__}
    return isinstance(problem, OSError) or bool(makers & {"huggingface_hub", "httpx", "httpx2"})
