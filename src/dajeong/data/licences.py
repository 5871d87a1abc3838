"""What is known of the terms each corpus stands under, and which allow passing its texts on. Data only.

A licence names the texts, not the code they came with. Ask the holder before relying on what is said here.
"""

from __future__ import annotations

APACHE = "Apache-2.0"
DOLLY = "CC-BY-SA-3.0"
KOBEST = "CC-BY-SA-4.0"
ALPACA = "CC-BY-NC-4.0"
KULLM = "mixed (Dolly CC-BY-SA-3.0; the rest output of OpenAI models)"
OPENAI_OUTPUT = "unstated (output of OpenAI models under their terms)"
RLHF_REWARD = "unstated (parts from Anthropic HH, MIT)"
VAIV = "unstated (texts of NIKL and AIHub under their own terms)"
NIKL = "NIKL 모두의 말뭉치 agreement (no redistribution)"
AIHUB = "AI-Hub terms, The Open AI Dataset Project (AI-Hub, S. Korea) (no redistribution)"

MAY_BE_PASSED_ON = frozenset({APACHE, DOLLY, KOBEST, "MIT", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"})
"""With credit where the licence asks for it; what is not named here may not, as far as this project knows."""
