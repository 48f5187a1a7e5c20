"""Formulas in cells; that nothing is lost is proved in tests/fuzz."""

import pytest

from campaigns.formulas import harmless, restored


@pytest.mark.parametrize("cell", ["=1+1", "+12125550101", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1"])
def test_an_apostrophe_stands_before_a_formula_and_goes_again(cell):
    assert harmless(cell) == f"'{cell}"
    assert restored(f"'{cell}") == cell


@pytest.mark.parametrize("cell", ["", "Ann", "2125550101", "O'Hara", "'tis", " =1", "a=1"])
def test_other_cells_stay(cell):
    assert harmless(cell) == restored(cell) == cell
