"""`python -m dajeong` is `dajeong`, also under torchrun."""

import sys

from dajeong.cli import main

sys.exit(main())
