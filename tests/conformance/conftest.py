"""Lends these tests the bundled model's file."""

from __future__ import annotations

from tests.models.conftest import model_file

__all__ = ["model_file"]
