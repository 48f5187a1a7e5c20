"""The shape of the code: small modules, short functions, and tests that mirror them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("config", "compliance", "campaigns", "dialer")
MODULES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
TESTS = sorted(file for package in PACKAGES for file in (ROOT / "tests" / package).rglob("test_*.py"))
MODULE_LINES = 500
FUNCTION_LINES = 60
MIGRATIONS = ROOT / "dialer" / "db" / "migrations"  # lists of what is made, not logic


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


def too_long(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name}: {lines} lines"


def mirrored(test: Path) -> list[Path]:
    """Where the module may stand that this file tests: one of many files for it is in a folder of the module's name."""
    inside = ROOT / test.relative_to(ROOT / "tests")
    own = inside.with_name(inside.stem.removeprefix("test_"))
    return [own, own.with_suffix(".py"), inside.parent.with_suffix(".py")]


def test_the_packages_are_found():
    assert {file.relative_to(ROOT).parts[0] for file in MODULES} == set(PACKAGES)


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_can_be_read_in_one_sitting(module):
    assert len(module.read_text().splitlines()) <= MODULE_LINES
    if MIGRATIONS not in module.parents:
        assert list(too_long(module)) == []


@pytest.mark.parametrize("test", TESTS, ids=named)
def test_a_test_file_stands_where_its_module_does(test):
    assert any(module.exists() for module in mirrored(test))
