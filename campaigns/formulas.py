"""Cells that a spreadsheet would run as a formula, made harmless in what we write and restored in what we read again.

The signs are those of OWASP's page on CSV injection, full-width forms included.
"""

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MARK = "'"


def harmless(cell: str) -> str:
    """With an apostrophe before a formula, or before what looks like one made harmless, so that none is lost."""
    return f"{MARK}{cell}" if cell.lstrip(MARK).startswith(STARTS) else cell


def restored(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if cell.startswith(MARK) and cell.lstrip(MARK).startswith(STARTS) else cell
