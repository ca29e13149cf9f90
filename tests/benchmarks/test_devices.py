"""The table of the page of devices against the rows that are kept."""

from benchmarks.devices_table import PAGE, put, read, write_table


def test_the_table_follows_from_the_rows():
    page = PAGE.read_text(encoding="utf-8")
    assert put(page, write_table(read())) == page
    assert put(page, "other") != page


def test_what_there_was_no_time_for_has_no_line():
    rows = read()
    left_out = [row["what"] for row in rows if "left_out" in row]
    assert left_out
    assert not any(f"| {name} |" in write_table(rows) for name in left_out)
