"""For every test: no deadline on single examples, as a busy machine may pause anywhere."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
