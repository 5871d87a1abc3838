"""Makes the virtual environment that a peer runs in, with pinned versions, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers"
PINS = ("torch==2.13.0", "transformers==5.23.0", "peft==0.21.2", "accelerate==1.15.0")
TRL_PINS = (*PINS, "trl==1.16.0", "datasets==5.2.0")
TRL_PPO_PINS = (*PINS, "trl==1.12.0", "datasets==5.2.0", "pandas==3.1.1", "rich==15.0.0")
"""The last release that has PPO."""
LM_EVAL_PINS = (*PINS, "lm_eval==0.4.13")
TEXT_PINS = ("numpy==2.4.6", "datasketch==2.0.0", "rouge_score==0.1.2")


def peer_python(name: str = "transformers", wanted: tuple[str, ...] = PINS) -> Path:
    """The peer's interpreter; a change of the pins makes the environment anew."""
    folder = FOLDER / name
    python, made = folder / "bin" / "python", folder / "made.txt"
    pins = "\n".join(wanted)
    if not (made.is_file() and made.read_text(encoding="utf-8") == pins):
        print(f"making the peers' environment in {folder} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        # torch first and alone: later packages must not pull another, larger build
        for packages in (wanted[:1], wanted[1:]):
            command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*command, *packages], check=True)
        made.write_text(pins, encoding="utf-8")
    return python
