"""Lends this room's tests a real folder and an editor that holds what a test opens in it."""

from __future__ import annotations

from tests.open_buffers import editor, files, outside, processes, workspace

__all__ = ["editor", "files", "outside", "processes", "workspace"]
