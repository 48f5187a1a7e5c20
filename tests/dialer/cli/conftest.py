"""A database of its own for each test of the command line."""

import shutil

import pytest


@pytest.fixture
def path(migrated, tmp_path, monkeypatch):
    path = tmp_path / "dialer.db"
    shutil.copyfile(migrated, path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIALER_DATABASE_URL", f"sqlite:///{path}")
    return path
